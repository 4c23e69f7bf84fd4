"""Corrections: spans of history that do not count, with who, why and when."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError

from metrics_app.exceptions import MetricsError
from metrics_app.models import Correction
from metrics_app.services.corrections import restore, void

PERMISSION = "metrics_app.correct_history"


class CorrectionForm(forms.ModelForm):
    """A new correction; times as a reader of charts knows them."""

    begin = forms.DateTimeField(help_text="UTC, as 2026-03-01 14:05; counted from this minute.")
    until = forms.DateTimeField(help_text="UTC; up to this minute.")

    class Meta:
        model = Correction
        fields = ["topic", "reason"]

    def clean(self):
        """A span, in words where it is none."""
        data = super().clean()
        if data.get("begin") and data.get("until") and data["begin"] >= data["until"]:
            raise ValidationError({"until": "The end is not after the beginning."})
        return data


@admin.register(Correction)
class CorrectionAdmin(admin.ModelAdmin):
    """Void by adding, restore by an action; nothing is changed or deleted."""

    form = CorrectionForm
    list_display = ["topic", "reason", "author", "created_at", "restored_by", "restored_at"]
    list_filter = ["topic"]
    list_select_related = ["author", "restored_by"]
    actions = ["restore_spans"]

    def has_add_permission(self, request):
        """Whoever may correct history."""
        return request.user.has_perm(PERMISSION)

    def has_change_permission(self, request, obj=None):
        """Nobody: what was done stays as it was done. The list itself needs it for its actions."""
        return obj is None and request.user.has_perm(PERMISSION)

    def has_delete_permission(self, request, obj=None):
        """Nobody."""
        return False

    def save_model(self, request, obj, form, change):
        """Voids the span."""
        start, end = (int(form.cleaned_data[name].timestamp() * 1000) for name in ("begin", "until"))
        row = void(topic=obj.topic, start=start, end=end, reason=obj.reason, by=request.user)
        # The admin goes on with its own object: it becomes the row that was made.
        obj.__dict__.update(row.__dict__)

    def add_view(self, request, form_url="", extra_context=None):
        """The form; what the service refuses is said on the page."""
        try:
            return super().add_view(request, form_url, extra_context)
        except MetricsError as error:
            self.message_user(request, str(error), messages.ERROR)
            return self.changelist_view(request)

    @admin.action(description="Restore: let these spans count again")
    def restore_spans(self, request, rows):
        """Restores the chosen spans in the name of the user."""
        for row in rows:
            try:
                restore(correction=row, reason=f"restored in the admin by {request.user}", by=request.user)
            except MetricsError as error:
                self.message_user(request, str(error), messages.WARNING)
