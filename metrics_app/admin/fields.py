"""Form fields: values in human units ("48 h", "10 min", "12.5"), and lists of lines."""

from django import forms
from django.contrib.admin.widgets import AutocompleteSelect
from django.core.exceptions import ValidationError
from django.forms.fields import InvalidJSONInput

from metrics_app.core.members import OnceDecoder
from metrics_app.core.text.entries import parse_duration, parse_value, write_duration
from metrics_app.exceptions import BadInput
from metrics_app.services.rules.fields import MAX_DEPTH, MAX_PARAMS

MAX_DIGITS = 19  # of an id
WIDTH = {"size": 12}


class DurationField(forms.CharField):
    """Whole seconds, written and read as "30 min"."""

    def __init__(self, **options):
        super().__init__(widget=forms.TextInput(attrs=WIDTH), **options)

    def prepare_value(self, value):
        """The text in the field; what a person typed stays as it was."""
        return write_duration(value) if isinstance(value, int) else value

    def to_python(self, value):
        """Seconds, or ValidationError."""
        if value in self.empty_values:
            return None
        try:
            seconds = parse_duration(value)
        except BadInput as error:
            raise ValidationError(str(error)) from None
        if seconds != int(seconds):
            raise ValidationError(f"{value!r} is not a whole number of seconds.")
        return int(seconds)

    def has_changed(self, initial, data):
        """Compares seconds, not their text."""
        try:
            return self.to_python(data) != initial
        except ValidationError:
            return True


class ValueField(forms.CharField):
    """A value of a KPI as text; ``read_value`` reads it once the KPI's unit is known."""

    def __init__(self, **options):
        super().__init__(widget=forms.TextInput(attrs=WIDTH), **options)


class RowSelect(AutocompleteSelect):
    """Django's own fails on an id that is none, when it shows the refused form again."""

    def optgroups(self, name, value, attr=None):
        """The chosen rows; what cannot be an id chooses none."""
        ids = [text for text in value if str(text).isdecimal() and len(str(text)) < MAX_DIGITS]
        return super().optgroups(name, ids, attr)


class ParamsField(forms.JSONField):
    """An object of JSON; what a person typed stays in the field as it was, even where it is refused."""

    def __init__(self, **options):
        super().__init__(**{"decoder": OnceDecoder} | options)

    def to_python(self, value):
        """The parsed value, or ValidationError; ``check_rule`` knows the rest."""
        if isinstance(value, str) and len(value) > MAX_PARAMS:
            raise ValidationError(f"has {len(value)} characters, at most {MAX_PARAMS} are allowed")
        try:
            return super().to_python(value)
        except RecursionError:
            raise ValidationError(f"is nested too deeply: at most {MAX_DEPTH} levels are allowed") from None
        except BadInput as error:
            raise ValidationError(str(error)) from None
        except ValueError:
            # Python reads no integer of more than 4300 digits.
            raise ValidationError("holds a number that is too long") from None

    def bound_data(self, data, initial):
        """The text as it was typed: to parse it and write it again may fail."""
        return data if data is None or self.disabled else InvalidJSONInput(data)


def read_value(form, name, unit, aggregate):
    """The number in a ``ValueField``; None where it is empty or refused (then the form says so)."""
    text = form.cleaned_data.get(name)
    if not text:
        return None
    try:
        return parse_value(text, unit, aggregate)
    except BadInput as error:
        form.add_error(name, str(error))
        return None


class LinesField(forms.CharField):
    """A list of strings, one per line."""

    widget = forms.Textarea(attrs={"rows": 4, "cols": 60})

    def prepare_value(self, value):
        """The list as lines; what was typed as it is."""
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value):
        """The lines as a list, without the empty ones."""
        return [line.strip() for line in (value or "").splitlines() if line.strip()]

    def has_changed(self, initial, data):
        """Compares lists, not their text."""
        return (initial or []) != self.to_python(data)
