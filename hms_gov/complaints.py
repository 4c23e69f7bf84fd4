"""The page of the worked example: a form that files complaints and answers them, as points."""

from django import forms
from django.contrib import messages
from django.shortcuts import redirect, render
from django.urls import path
from django.utils.timezone import localtime
from django.views.decorators.http import require_http_methods

from metrics_app import registry
from metrics_app.core.durations import DAY_S, HOUR_S, MINUTE_S
from metrics_app.core.text.counts import count_words
from metrics_app.core.text.entries import parse_value
from metrics_app.core.text.moments import tell_moment_in_zone
from metrics_app.core.text.units import format_duration
from metrics_app.exceptions import BadInput
from metrics_app.pages.shared import page
from metrics_app.pages.tiles import list_tiles
from metrics_app.services.record import record

COMPLAINTS = ("complaint.received", "complaint.latency")
# Choices of "after how long": under the limit, beyond it, far beyond it.
LATENCIES = [10 * MINUTE_S, 26 * HOUR_S, 3 * DAY_S, 10 * DAY_S]
LONGEST = 10 * 365 * DAY_S
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
        filed = count_words(len(self.points()), "complaint was", "complaints were")
        return f"{filed} filed at {tell_moment_in_zone(now, now, seconds=True)}."


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
        return f"One complaint was answered after {after}, at {tell_moment_in_zone(now, now, seconds=True)}."


class UnknownForm(forms.Form):
    """A post that asks for nothing there is."""

    def clean(self):
        """Always refused."""
        raise forms.ValidationError('Choose an action: "file" files a complaint, "answer" answers one.')


def read_complaints(data):
    """The form that a post's ``action`` asks for, filled with it."""
    kinds = {"file": FileForm, "answer": AnswerForm}
    return kinds.get(data.get("action"), UnknownForm)(data)


@require_http_methods(["GET", "HEAD", "POST"])
@page
def show_complaints(request):
    """The demo's form: file complaints, answer one after a chosen time."""
    form = read_complaints(request.POST) if request.method == "POST" else AnswerForm()
    if form.is_valid():
        record(form.points())
        messages.success(request, form.describe(localtime()))
        # So that a reload of the page files nothing again.
        return redirect("complaints_demo")
    kpis = [kpi for kpi in map(registry.get_kpi, COMPLAINTS) if kpi is not None]
    context = {
        "page": "complaints",
        "form": form,
        "choices": [(seconds, format_duration(seconds)) for seconds in LATENCIES],
        "tiles": list_tiles(kpis, user=request.user),
        "topics": COMPLAINTS,
    }
    status = 400 if form.is_bound else 200
    return render(request, "hms_gov/complaints.html", context, status=status)


def list_addresses(is_on):
    """The page's address; none where a site has switched it off."""
    return [path("demo/complaints/", show_complaints, name="complaints_demo")] if is_on else []
