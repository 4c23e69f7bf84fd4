"""Breaches: history, to be read."""

from types import SimpleNamespace

from django.contrib import admin
from django.db.models import OuterRef, Subquery

from metrics_app.admin.cells import link_explanation, say, shorten, write_ms
from metrics_app.admin.visible import VisibleAdmin
from metrics_app.core.conditions import SHAPES
from metrics_app.core.text.phrases import tell_changes, tell_rule
from metrics_app.core.text.units import format_duration, format_value
from metrics_app.models import Breach, BreachEvent, ThresholdVersion

DELETES_THRESHOLDS = ("metrics_app_threshold_delete", "metrics_app_threshold_changelist")
TEXT_SHOWN = 32  # characters of a text in a cell


class OpenFilter(admin.SimpleListFilter):
    """Open or recovered."""

    title = "open"
    parameter_name = "open"

    def lookups(self, request, model_admin):
        """The two."""
        return [("yes", "open"), ("no", "recovered")]

    def queryset(self, request, queryset):
        """Breaches that are, or are no longer, open."""
        return queryset.filter(recovered_at__isnull=self.value() == "yes") if self.value() else queryset


class TimelineInline(admin.TabularInline):
    """What happened, line by line."""

    model = BreachEvent
    template = "admin/metrics_app/lines.html"
    fields = readonly_fields = ["when", "kind", "text"]
    extra = 0
    can_delete = False
    verbose_name_plural = "timeline"

    def has_add_permission(self, request, obj=None):
        """The evaluator writes it."""
        return False

    @admin.display(description="when")
    def when(self, event):
        """The time of the line."""
        return write_ms(event.at)


@admin.register(Breach)
class BreachAdmin(VisibleAdmin):
    """Nothing here can be edited: a breach is what happened."""

    topic_path = "threshold__kpi__topic"
    inlines = [TimelineInline]
    list_display = ["id", "name", "light", "fired", "lasted", "worst", "result"]
    list_display_links = ["id", "name"]
    list_filter = [OpenFilter, "kind", "severity"]
    list_select_related = ["threshold__kpi"]
    search_fields = ["threshold__name", "threshold__kpi__topic", "threshold__title", "outcome"]
    fields = readonly_fields = [
        *(
            "threshold",
            "rule",
            "rule_now",
            "explained",
            "light",
            "kind",
            "severity",
            "began",
            "fired",
            "recovered",
        ),
        *("fired_with", "points", "worst", "reopened", "late", "announced_at", "outcome"),
    ]

    def has_add_permission(self, request):
        """Thresholds make them."""
        return False

    def has_change_permission(self, request, obj=None):
        """History does not change."""
        return False

    def has_delete_permission(self, request, obj=None):
        """History does not go; deleting a threshold takes its breaches with it."""
        return request.resolver_match.url_name in DELETES_THRESHOLDS

    def get_queryset(self, request):
        """Breaches of the KPIs that this person may see, each with the rule that fired."""
        fired = ThresholdVersion.objects.filter(threshold=OuterRef("threshold"), version=OuterRef("version"))
        rows = super().get_queryset(request).select_related("threshold__kpi")
        return rows.annotate(rule_that_fired=Subquery(fired.values("rule")[:1]))

    @admin.display(description="threshold", ordering="threshold__kpi__topic")
    def name(self, breach):
        """The threshold, in a cell."""
        return shorten(str(breach.threshold), TEXT_SHOWN)

    @admin.display(description="rule that fired")
    def rule(self, breach):
        """The rule in the version that fired, in words."""
        return f"{tell_rule(read_rule(breach), breach.threshold.kpi.unit)} (version {breach.version})"

    @admin.display(description="explained")
    def explained(self, breach):
        """The page that says why it fired."""
        return link_explanation("Why it fired", breach.threshold_id, breach.fired_at) or "–"

    @admin.display(description="changed since")
    def rule_now(self, breach):
        """What the rule has become since, or that it has not changed."""
        threshold = breach.threshold
        fired = {name: getattr(read_rule(breach), name) for name in threshold.RULE_FIELDS}
        if (present := read_present(threshold)) == fired:
            return "no: the rule is still the same"
        changes = tell_changes(fired, present, threshold.kpi.unit)
        return f"{changes} (version {threshold.version})"

    @admin.display(description="state")
    def light(self, breach):
        """Shape and word."""
        if breach.recovered_at is None:
            return f"{SHAPES['firing']} open"
        return f"{SHAPES['ok']} recovered"

    @admin.display(description="began", ordering="since")
    def began(self, breach):
        """When the value first went beyond the limit."""
        return write_ms(breach.since)

    @admin.display(description="fired", ordering="fired_at")
    def fired(self, breach):
        """The slot that fired."""
        return write_ms(breach.fired_at)

    @admin.display(description="recovered", ordering="recovered_at")
    def recovered(self, breach):
        """The slot that recovered."""
        return write_ms(breach.recovered_at)

    @admin.display(description="lasted")
    def lasted(self, breach):
        """From firing to recovered."""
        if breach.recovered_at is None:
            return "still open"
        return format_duration((breach.recovered_at - breach.fired_at) / 1000)

    @admin.display(description="points in the window when it fired")
    def points(self, breach):
        """How many points the value was made of."""
        return f"{breach.n:,}"

    @admin.display(description="caught up")
    def late(self, breach):
        """Whether it was opened while the watch caught up, in words."""
        return say(breach.caught_up)

    @admin.display(description="outcome", ordering="outcome", empty_value="–")
    def result(self, breach):
        """What the handlers made of it, in a cell."""
        return shorten(breach.outcome, TEXT_SHOWN) or None

    @admin.display(description="value when it fired")
    def fired_with(self, breach):
        """In human units."""
        return show(breach, breach.value)

    @admin.display(description="worst value", ordering="peak")
    def worst(self, breach):
        """In human units."""
        return show(breach, breach.peak)


def read_present(threshold):
    """The rule as it is now, a dict of its fields."""
    return {name: getattr(threshold, name) for name in threshold.RULE_FIELDS}


def read_rule(breach):
    """The rule in the version that fired; what no version keeps is as it is now."""
    rule = read_present(breach.threshold) | (breach.rule_that_fired or {})
    return SimpleNamespace(**rule, kind=breach.threshold.kind)


def show(breach, value):
    """A value of the breach in human units, by the aggregate that fired."""
    rule = read_rule(breach)
    return format_value(value, breach.threshold.kpi.unit, rule.aggregate, beside=rule.limit)
