"""KPIs: what a topic is called, which way is better, who answers for it."""

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils.html import format_html

from metrics_app.admin.cells import say, write_ms
from metrics_app.admin.fields import DurationField
from metrics_app.admin.visible import VisibleAdmin
from metrics_app.core.conditions import SHAPES, SILENT, UNJUDGED
from metrics_app.core.deadman import SILENCE
from metrics_app.core.text.entries import write_duration
from metrics_app.core.text.units import format_duration
from metrics_app.exceptions import BadInput
from metrics_app.meanwhile import MeanwhileForm
from metrics_app.models import Kpi, Threshold
from metrics_app.models.kpis import REFUSAL
from metrics_app.registry import who_is
from metrics_app.services.conditions import judge_threshold
from metrics_app.services.kpis import MAX_WINDOW
from metrics_app.services.rules.deadman import check_expectation, list_silent, save_expectation
from metrics_app.services.rules.repeats import warn_of_kpi
from metrics_app.services.visibility import TAKEN, list_taken
from metrics_app.services.watch.states import read_clock


class KpiForm(MeanwhileForm):
    """Refuses what would show nothing to anybody, and names that are somebody else's."""

    who = None  # a page sets who asks

    window = DurationField(
        initial=Kpi._meta.get_field("window").default, help_text="How far the tile looks back: '30 min'."
    )

    expected_interval = DurationField(
        required=False,
        help_text="A point must come at least this often: '15 min'. If none does, a data breach opens "
        "until the next point. Empty: it may be silent.",
    )

    class Meta:
        model = Kpi
        fields = "__all__"

    def clean_topic(self):
        """A name that is free, or one's own."""
        topic = self.cleaned_data["topic"]
        if list_taken(self.who, [topic]):
            raise ValidationError(f"{topic} {TAKEN}.")
        return topic

    def clean_window(self):
        """A window the tile can show."""
        window = self.cleaned_data["window"]
        if not 1 <= window <= MAX_WINDOW:
            expected = f"1 s to {write_duration(MAX_WINDOW)}"
            raise ValidationError(f"{write_duration(window)} is not a window of a tile: expected {expected}.")
        return window

    def clean_expected_interval(self):
        """An interval that can be watched."""
        seconds = self.cleaned_data["expected_interval"]
        try:
            check_expectation(seconds)
        except BadInput as error:
            raise ValidationError(str(error)) from None
        return seconds

    def clean(self):
        """A restricted KPI needs a group that may see it, and is never open data."""
        data = super().clean()
        if data.get("restricted") and not data.get("owner"):
            self.add_error("restricted", "Choose the owner group: without one nobody could see this KPI.")
        self.closed = False
        if data.get("restricted") and data.get("open_data"):
            # What was open and becomes restricted is closed; opening what is restricted is a mistake.
            self.closed = self.initial.get("open_data") and not self.initial.get("restricted")
            if self.closed:
                data["open_data"] = False
            else:
                self.add_error("open_data", REFUSAL)
        return data


@admin.register(Kpi)
class KpiAdmin(VisibleAdmin):
    """Topics enter by themselves with their first point; here people give them a meaning."""

    topic_path = "topic"
    form = KpiForm
    list_display = ["topic", "name", "unit", "direction", "tile", "owner", "limited"]
    list_filter = ["restricted", "open_data", "owner", "direction", "aggregate"]
    list_select_related = ["owner"]
    search_fields = ["topic", "name"]
    readonly_fields = ["silent", "created_at"]
    fieldsets = [
        (None, {"fields": ["topic", "name", "unit", "direction"]}),
        (
            "The tile",
            {
                "fields": ["aggregate", "window"],
                "description": "What the overview shows: for example the mean of the last 30 min, "
                "or the rate per hour over 1 h.",
            },
        ),
        ("Silence", {"fields": ["expected_interval", "silent"]}),
        ("Who answers for it", {"fields": ["owner", "restricted"]}),
        (
            "Open data",
            {
                "fields": ["open_data", "description", "method"],
                "description": "What everybody may see and download at /open-data/, without a log-in.",
            },
        ),
        ("Record", {"fields": ["created_at"]}),
    ]

    def get_form(self, request, obj=None, change=False, **options):
        """The form of this person."""
        form = super().get_form(request, obj, change, **options)
        form.who = who_is(request.user)
        return form

    @admin.display(description="restricted", ordering="restricted")
    def limited(self, kpi):
        """In words."""
        return say(kpi.restricted)

    @admin.display(description="tile")
    def tile(self, kpi):
        """The tile in words."""
        return f"{kpi.get_aggregate_display()}, {format_duration(kpi.window)}"

    @admin.display(description="now")
    def silent(self, kpi):
        """Whether points come as expected, in words."""
        if not kpi.pk or not kpi.expected_interval:
            return "–"
        breach = list_silent([kpi.topic]).get(kpi.topic)
        if breach is None:
            return tell_expectation(kpi)
        return format_html(
            '{} silent, found {} · <a href="{}">breach #{}</a>',
            *(SHAPES["silent"], write_ms(breach.fired_at)),
            *(reverse("admin:metrics_app_breach_change", args=[breach.pk]), breach.pk),
        )

    def save_model(self, request, obj, form, change):
        """With the watch for silence that it asks for."""
        super().save_model(request, obj, form, change)
        save_expectation(obj, by=request.user)
        for sentence in warn_of_kpi(obj):
            messages.warning(request, f"{sentence}.")
        if form.closed:
            messages.warning(request, f"{obj} is restricted now, and no longer open data.")

    def get_readonly_fields(self, request, obj=None):
        """A topic is where the points are; who answers for it and who sees it, the group itself decides."""
        kept = ["owner", "restricted"] if obj and not is_of(obj, request.user) else []
        return [*self.readonly_fields, *(["topic"] if obj else []), *kept]


def is_of(kpi, user):
    """Whether a person may decide whose a KPI is: it is nobody's yet, or their group's."""
    return kpi.owner_id is None or user.is_superuser or user.groups.filter(pk=kpi.owner_id).exists()


def tell_expectation(kpi):
    """That points come as expected, where somebody looks."""
    rules = Threshold.objects.filter(kpi=kpi, kind=SILENCE, enabled=True).select_related("kpi", "state_row")
    rule = rules.first()
    condition = judge_threshold(rule, read_clock()) if rule else None
    if condition is None or not condition.is_judged:
        return f"{SHAPES[SILENT]} not judged yet"
    if condition.unjudged_since is not None:
        return f"{SHAPES[UNJUDGED]} not judged since {write_ms(condition.unjudged_since)}"
    return f"{SHAPES['ok']} points come as expected"
