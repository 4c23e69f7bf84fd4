"""Forms of rows that somebody else has changed since the page was loaded: nothing of either is lost.

A page of the admin sends all of its fields, also those that its reader left alone, as they were when it
was loaded. What was left alone stays as it is stored; where both changed a field, it is asked again.
"""

import hashlib
import json
from datetime import datetime

from django import forms
from django.contrib import messages
from django.db import transaction
from django.db.models import Model
from django.utils import timezone
from django.utils.text import capfirst, get_text_list

SEEN = "seen"


class MeanwhileForm(forms.ModelForm):
    """A form that knows what of its row its reader has seen; ``kept`` names the fields left as stored.

    Without ``seen``, as programs may send it, every field is taken as it was sent. For rows whose form
    is filled from the database in the transaction that saves it.
    """

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.kept, self.stored = [], {}
        if self.instance.pk is not None:
            self.stored = self.read_row()
            self.initial[SEEN] = json.dumps({name: digest(value) for name, value in self.stored.items()})

    def read_row(self):
        """``{field: value}`` of the row as it stands in memory, of the fields that this form asks for."""
        return {
            field.name: field.value_from_object(self.instance)
            for field in self._meta.model._meta.concrete_fields
            if field.name in self.fields
        }

    def clean_seen(self):
        """``{field: digest}`` of what the page showed; none where it does not say."""
        try:
            seen = json.loads(self.cleaned_data[SEEN] or "{}")
        except ValueError:
            seen = None
        if not isinstance(seen, dict):
            raise forms.ValidationError("This page is damaged: load it again.")
        return seen

    def _clean_fields(self):
        """Takes back what somebody else has changed and this reader left alone, before rules look at it."""
        super()._clean_fields()
        seen = self.cleaned_data.get(SEEN) or {}
        for name, stored in self.stored.items():
            now, then = digest(stored), seen.get(name)
            if name in self.errors or then is None or then == now:
                continue
            sent = digest(self.cleaned_data[name])
            if sent == then:
                self.cleaned_data[name] = getattr(self.instance, name)
                self.kept.append(name)
            elif sent != now:
                self.ask_again(name, seen)

    def ask_again(self, name, seen):
        """Both have changed a field: says what it is now. Whoever saves again has been told."""
        told = f"Changed meanwhile by somebody else, to {self.tell(name)}. What you entered is not saved."
        self.add_error(name, told)
        seen[name] = digest(self.stored[name])
        self.data = self.data.copy()
        self.data[self.add_prefix(SEEN)] = json.dumps(seen)

    def tell(self, name):
        """A stored value as the form shows it."""
        field, stored = self.fields[name], self.stored[name]
        if isinstance(field, forms.BooleanField):
            return "yes" if stored else "no"
        if isinstance(field, forms.ModelChoiceField):
            # One that this reader may not choose is not named to them.
            found = field.queryset.filter(pk=stored).first()
            return "nothing" if stored is None else f"“{found}”" if found else "another one"
        shown = self.initial.get(name, stored)
        if isinstance(shown, list | tuple):
            shown = ", ".join(map(str, shown))
        elif isinstance(shown, datetime):
            shown = f"{timezone.localtime(shown):%Y-%m-%d %H:%M:%S}"
        else:
            shown = dict(getattr(field, "choices", ())).get(shown, field.prepare_value(shown))
        return "nothing" if shown in (None, "") else f"“{shown}”"

    def tell_kept(self):
        """The fields that were left as somebody else has set them, in a sentence; empty without."""
        if not self.kept:
            return ""
        told = [f"{capfirst(self[name].label)} (now {self.tell(name)})" for name in self.kept]
        return f"Somebody else changed this meanwhile, and it stays so: {get_text_list(told, 'and')}."


class MeanwhileAdmin:
    """A page of the admin with such a form: sends what its reader has seen, and says what was kept."""

    def get_object(self, request, object_id, from_field=None):
        """The row; while it is written nobody else changes or deletes it."""
        found = super().get_object(request, object_id, from_field)
        if found is None or request.method != "POST" or not transaction.get_connection().in_atomic_block:
            return found
        held = self.model._base_manager.select_for_update(no_key=True).filter(pk=found.pk)
        # Read again: whoever had it before has perhaps changed or deleted it.
        return super().get_object(request, object_id, from_field) if held.values_list("pk").first() else None

    def render_change_form(self, request, context, *args, **options):
        """The page, with what it shows of the row."""
        page, row = context["adminform"], context.get("original")
        if isinstance(page.form, MeanwhileForm) and self.has_change_permission(request, row):
            page.fieldsets = [*page.fieldsets, (None, {"fields": [SEEN]})]
        return super().render_change_form(request, context, *args, **options)

    def save_form(self, request, form, change):
        """The row, as it is to be saved."""
        if sentence := getattr(form, "tell_kept", str)():
            messages.warning(request, sentence)
        return super().save_form(request, form, change)


def digest(value):
    """A few letters for a value of a field: equal for equal ones, of times to the second that forms show."""
    if isinstance(value, datetime):
        value = int(value.timestamp())
    elif isinstance(value, Model):
        value = value.pk
    return hashlib.sha256(repr(value).encode()).hexdigest()[:16]
