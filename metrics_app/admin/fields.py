"""Form fields for values in human units: "48 h", "10 min", "12.5"."""

from django import forms
from django.core.exceptions import ValidationError

from metrics_app.core.entries import parse_duration, parse_value, write_duration
from metrics_app.exceptions import BadInput

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
