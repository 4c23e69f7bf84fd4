"""What people fill in on pages: notes on a chart."""

from datetime import datetime

from django import forms
from django.utils import timezone

from metrics_app.core.moments import to_ms
from metrics_app.fields import LocalTimeField
from metrics_app.models import Note
from metrics_app.services.notes import LONGEST as LONGEST_NOTE
from metrics_app.services.notes import check_note

PICKER = "%Y-%m-%dT%H:%M"  # as a browser's field for date and time writes it


class NoteForm(forms.Form):
    """A note on the time axis; its times are in the reader's zone."""

    text = forms.CharField(
        max_length=LONGEST_NOTE,
        error_messages={"required": "Say what happened, such as: new form went live."},
    )
    at = LocalTimeField(
        required=False,
        input_formats=[PICKER, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        error_messages={"invalid": "Write a date and a time, such as 2026-03-29 14:30."},
    )
    until = LocalTimeField(
        required=False,
        input_formats=[PICKER, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        error_messages={"invalid": "Write a date and a time, such as 2026-03-29 15:30."},
    )

    @classmethod
    def of(cls, note):
        """The form filled with a note, as its fields show it."""
        times = {name: write_time(getattr(note, name)) for name in ("at", "until")}
        return cls(initial={"text": note.text} | times)

    def __init__(self, *args, note=None, **options):
        super().__init__(*args, **options)
        self.note = note

    def clean_at(self):
        """The time of the note itself where it was left as it stood."""
        return self.keep("at")

    def clean_until(self):
        """The same of its end."""
        return self.keep("until")

    def keep(self, name):
        """ms of what was written; of what the form showed, the very moment: it shows no seconds, nor which
        of two hours it is that a clock shows twice."""
        moment = self.cleaned_data[name]
        stored = getattr(self.note, name, None)
        if stored is not None and self.data.get(name) == write_time(stored):
            return stored
        return moment and to_ms(moment)

    def clean(self):
        """The rules of the service, each at its field."""
        data = super().clean()
        if not self.errors:
            for field, message in check_note(self.fill(Note())):
                self.add_error(field, f"{message[0].upper()}{message[1:]}.")
        return data

    def fill(self, note):
        """The note with what the form says; without a time it is of now."""
        data = self.cleaned_data
        note.text = data["text"]
        note.at = to_ms(timezone.now()) if data.get("at") is None else data["at"]
        note.until = data.get("until")
        return note


def write_time(ms):
    """Milliseconds as a browser's field for date and time takes them, in the reader's zone."""
    if ms is None:
        return ""
    return f"{datetime.fromtimestamp(ms / 1000, timezone.get_current_timezone()):{PICKER}}"
