"""Breaches: history, to be read."""

from datetime import UTC, datetime

from django.contrib import admin

from metrics_app.core import words
from metrics_app.core.phrases import describe_rule
from metrics_app.core.units import format_value
from metrics_app.models import Breach, BreachEvent
from metrics_app.registry import who_is
from metrics_app.services.visibility import limit_to_visible

DELETES_THRESHOLDS = ("metrics_app_threshold_delete", "metrics_app_threshold_changelist")


def read_time(ms):
    """The aware datetime of ms since the epoch, or None; the admin shows it in the reader's zone."""
    return None if ms is None else datetime.fromtimestamp(ms / 1000, UTC)


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
        return read_time(event.at)


@admin.register(Breach)
class BreachAdmin(admin.ModelAdmin):
    """Nothing here can be edited: a breach is what happened."""

    inlines = [TimelineInline]
    list_display = ["id", "threshold", "light", "kind", "severity", "fired", "recovered", "worst", "outcome"]
    list_filter = [OpenFilter, "kind", "severity"]
    list_select_related = ["threshold__kpi"]
    search_fields = ["threshold__name", "threshold__kpi__topic", "threshold__title", "outcome"]
    fields = readonly_fields = [
        *("threshold", "rule", "version", "light", "kind", "severity", "began", "fired", "recovered"),
        *("fired_with", "n", "worst", "reopened", "caught_up", "announced_at", "outcome"),
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
        """Breaches of the KPIs that this person may see."""
        rows = super().get_queryset(request).select_related("threshold__kpi")
        return limit_to_visible(rows, who_is(request.user), "threshold__kpi__topic")

    @admin.display(description="rule as it is now")
    def rule(self, breach):
        """The rule in words."""
        return describe_rule(breach.threshold, breach.threshold.kpi.unit)

    @admin.display(description="state")
    def light(self, breach):
        """Shape and word."""
        if breach.recovered_at is None:
            return f"{words.SHAPES['firing']} open"
        return f"{words.SHAPES['ok']} recovered"

    @admin.display(description="began", ordering="since")
    def began(self, breach):
        """When the value first went beyond the limit."""
        return read_time(breach.since)

    @admin.display(description="fired", ordering="fired_at")
    def fired(self, breach):
        """The slot that fired."""
        return read_time(breach.fired_at)

    @admin.display(description="recovered", ordering="recovered_at", empty_value="–")
    def recovered(self, breach):
        """The slot that recovered."""
        return read_time(breach.recovered_at)

    @admin.display(description="value when it fired")
    def fired_with(self, breach):
        """In human units."""
        return show(breach, breach.value)

    @admin.display(description="worst value", ordering="peak")
    def worst(self, breach):
        """In human units."""
        return show(breach, breach.peak)


def show(breach, value):
    """A value of the breach's threshold in human units."""
    return format_value(value, breach.threshold.kpi.unit, breach.threshold.aggregate)
