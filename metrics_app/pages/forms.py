"""What people fill in on pages: complaints as points, notes on a chart."""

from datetime import datetime

from django import forms
from django.utils import timezone

from metrics_app.core.text.entries import parse_value
from metrics_app.core.text.units import HOUR, MINUTE, format_duration
from metrics_app.exceptions import BadInput
from metrics_app.models import Note
from metrics_app.services.notes import LONGEST as LONGEST_NOTE
from metrics_app.services.notes import check_note

DAY = 24 * HOUR
# Choices of "after how long": under the limit, beyond it, far beyond it.
LATENCIES = [10 * MINUTE, 26 * HOUR, 3 * DAY, 10 * DAY]
LONGEST = 10 * 365 * DAY
MANY = 10


class DurationField(forms.FloatField):
    """Seconds, from a number of them or from words: ``26 h``."""

    def to_python(self, value):
        """The seconds, or the fault in the words of who reads durations."""
        if value in self.empty_values:
            return None
        try:
            return parse_value(value, "seconds")
        except BadInput as error:
            raise forms.ValidationError(f"{error}.") from None


class FileForm(forms.Form):
    """Files one complaint, or ``count`` at once."""

    count = forms.IntegerField(min_value=1, max_value=MANY, required=False)

    def points(self):
        """The complaints as ``(topic, value, ts)``; ts None is now."""
        return [("complaint.received", 1, None)] * (self.cleaned_data["count"] or 1)

    def describe(self, now):
        """What happened, in a sentence."""
        count = len(self.points())
        filed = "One complaint was filed" if count == 1 else f"{count} complaints were filed"
        return f"{filed} at {now:%H:%M:%S %Z}."


class AnswerForm(forms.Form):
    """Answers one complaint after a chosen time; ``latency`` is in seconds."""

    latency = DurationField(
        min_value=0,
        max_value=LONGEST,
        error_messages={
            "required": "Say after how long the complaint was answered, such as 26 h.",
            "min_value": "A complaint cannot be answered before it was filed: 0 seconds or more.",
            "max_value": "That is more than ten years: %(limit_value)s seconds at most.",
        },
    )

    def points(self):
        """The answer as ``(topic, value, ts)``."""
        return [("complaint.latency", self.cleaned_data["latency"], None)]

    def describe(self, now):
        """What happened, in a sentence."""
        after = format_duration(self.cleaned_data["latency"])
        return f"One complaint was answered after {after}, at {now:%H:%M:%S %Z}."


class UnknownForm(forms.Form):
    """A post that asks for nothing there is."""

    def clean(self):
        """Always refused."""
        raise forms.ValidationError('Choose an action: "file" files a complaint, "answer" answers one.')


def read_complaints(data):
    """The form that a post's ``action`` asks for, filled with it."""
    kinds = {"file": FileForm, "answer": AnswerForm}
    return kinds.get(data.get("action"), UnknownForm)(data)


PICKER = "%Y-%m-%dT%H:%M"  # as a browser's field for date and time writes it


class NoteForm(forms.Form):
    """A note on the time axis; its times are in the reader's zone."""

    text = forms.CharField(
        max_length=LONGEST_NOTE,
        error_messages={"required": "Say what happened, such as: new form went live."},
    )
    at = forms.DateTimeField(
        required=False,
        input_formats=[PICKER, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        error_messages={"invalid": "Write a date and a time, such as 2026-03-29 14:30."},
    )
    until = forms.DateTimeField(
        required=False,
        input_formats=[PICKER, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        error_messages={"invalid": "Write a date and a time, such as 2026-03-29 15:30."},
    )

    @classmethod
    def of(cls, note):
        """The form filled with a note, as its fields show it."""
        times = {name: write_time(getattr(note, name)) for name in ("at", "until")}
        return cls(initial={"text": note.text} | times)

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
        note.at = round((data.get("at") or timezone.now()).timestamp() * 1000)
        note.until = round(data["until"].timestamp() * 1000) if data.get("until") else None
        return note


def write_time(ms):
    """Milliseconds as a browser's field for date and time takes them, in the reader's zone."""
    if ms is None:
        return ""
    return f"{datetime.fromtimestamp(ms / 1000, timezone.get_current_timezone()):{PICKER}}"
