"""Thresholds for an analyst: the rule in human units, its light, its versions."""

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.forms import BaseInlineFormSet
from django.http import JsonResponse
from django.urls import path
from django.views.decorators.http import require_POST

from metrics_app.admin.cells import shorten, write_ms
from metrics_app.admin.fields import RowSelect
from metrics_app.admin.threshold_form import ThresholdForm
from metrics_app.core import words
from metrics_app.core.moments import WHOLE
from metrics_app.core.phrases import describe_changes, describe_rule
from metrics_app.core.units import format_value
from metrics_app.exceptions import BadInput, BusUnavailable
from metrics_app.models import Threshold, ThresholdVersion
from metrics_app.registry import may_read, who_is
from metrics_app.services.backtest import backtest_last, describe
from metrics_app.services.states import read_states
from metrics_app.services.thresholds import save_threshold
from metrics_app.services.visibility import limit_to_visible

DATA = {
    "fresh": "fresh",
    "thin": "too few points",
    "empty": "no points",
    "error": "cannot be read",
    "behind": "behind: nothing is judged",
}


# The words of the overview; a state that no timer is told of needs no more.
STATES = {
    "ok": "Within limit",
    "pending": "Over limit",
    "firing": "Beyond limit",
    "recovering": "Recovering",
}
# Sections that most thresholds leave alone: folded while they hold nothing else than at first.
FOLDED = {"Timing", "Missing data", "Action"}
TEXT_SHOWN = 32  # characters of a text in a cell


class StateFilter(admin.SimpleListFilter):
    """By state."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request, model_admin):
        """States as people know them."""
        return [(state, STATES[state]) for state in ("firing", "pending", "recovering", "ok")]

    def queryset(self, request, queryset):
        """Thresholds in the chosen state."""
        return queryset.filter(state_row__state=self.value()) if self.value() else queryset


class ShownFormSet(BaseInlineFormSet):
    """Rows that are only shown: what is posted for them, which anybody can forge, is never read."""

    new_objects = changed_objects = deleted_objects = ()

    def __init__(self, data=None, files=None, **options):
        super().__init__(**options)

    def is_valid(self):
        """Always: nothing was asked."""
        return True

    def save(self, commit=True):
        """Saves nothing."""
        return []


class VersionInline(admin.TabularInline):
    """Earlier rules; never changed."""

    model = ThresholdVersion
    formset = ShownFormSet
    template = "admin/metrics_app/lines.html"
    fields = readonly_fields = ["version", "created_at", "author", "reason", "changes"]
    extra = 0
    can_delete = False
    verbose_name_plural = "versions"

    def has_add_permission(self, request, obj=None):
        """Saving makes them."""
        return False

    def get_queryset(self, request):
        """With authors, in one query."""
        return super().get_queryset(request).select_related("author", "threshold__kpi")

    @admin.display(description="what changed")
    def changes(self, version):
        """The difference to the version before, in words."""
        before = ThresholdVersion.objects.filter(
            threshold=version.threshold_id, version=version.version - 1
        ).first()
        return (
            describe_changes(before.rule, version.rule, version.threshold.kpi.unit)
            if before
            else "first version"
        )


@admin.register(Threshold)
class ThresholdAdmin(admin.ModelAdmin):
    """Saving judges the threshold at once: a limit that is crossed fires within two seconds."""

    form = ThresholdForm
    change_form_template = "admin/metrics_app/threshold/change_form.html"
    inlines = [VersionInline]
    list_display = ["label", "rule", "light", "last_value", "data", "severity"]
    list_filter = [StateFilter, "severity", "enabled", "aggregate"]
    list_select_related = ["kpi"]
    search_fields = ["name", "kpi__topic", "kpi__name", "title", "suggestion"]
    autocomplete_fields = ["kpi"]
    readonly_fields = ["light", "last_value", "data", "missed", "version", "edited_by", "updated_at"]
    fieldsets = [
        (None, {"fields": ["kpi", "name", "severity", "enabled"]}),
        (
            "Rule",
            {
                "fields": ["aggregate", "window", "operator", "limit", "recovery_limit", "min_count"],
                "description": "For example: mean over 30 min above 48 h, recovered at 43.2 h.",
            },
        ),
        ("Timing", {"fields": ["interval", "pending_for", "keep_firing_for", "cooldown", "delay"]}),
        (
            "Missing data",
            {
                "fields": ["no_data", "no_data_for"],
                "description": "Silence never resolves a breach unless you say that it counts as clear.",
            },
        ),
        ("Proposal", {"fields": ["title", "suggestion"]}),
        ("Action", {"fields": ["action", "action_params"]}),
        ("This change", {"fields": ["reason"]}),
        ("Now", {"fields": ["light", "last_value", "data", "missed", "version", "edited_by", "updated_at"]}),
    ]

    def get_queryset(self, request):
        """Thresholds of the KPIs that this person may see."""
        return limit_to_visible(super().get_queryset(request), who_is(request.user), "kpi__topic")

    def formfield_for_foreignkey(self, db_field, request, **options):
        """The search for a KPI."""
        options["widget"] = RowSelect(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **options)

    def get_urls(self):
        """With the address at which the form tries a rule."""
        view = self.admin_site.admin_view(require_POST(self.try_rule))
        return [path("backtest/", view, name="metrics_app_threshold_backtest"), *super().get_urls()]

    def try_rule(self, request):
        """What the rule in the posted form would have done; nothing is written."""
        if not (self.has_add_permission(request) or self.has_change_permission(request)):
            raise PermissionDenied
        pk = request.POST.get("backtest_of", "")
        threshold = self.get_queryset(request).filter(pk=int(pk)).first() if WHOLE.match(pk) else None
        form = ThresholdForm(request.POST, instance=threshold)
        if threshold is not None:
            # A threshold stays with its KPI.
            del form.fields["kpi"]
        if not form.is_valid():
            return JsonResponse({"faults": list(form.errors)})
        kpi = form.instance.kpi
        if not may_read(who_is(request.user), kpi.topic):
            raise PermissionDenied
        try:
            return JsonResponse(describe(backtest_last(form.instance, kpi.topic), form.instance, kpi))
        except (BadInput, BusUnavailable) as error:
            return JsonResponse({"sentence": str(error), "warning": ""})

    def get_changelist_instance(self, request):
        """The page with the states of its rows, read at once."""
        page = super().get_changelist_instance(request)
        views = read_states(page.result_list)
        for threshold in page.result_list:
            threshold.view = views[threshold.pk]
        return page

    def get_fieldsets(self, request, obj=None):
        """Sections that hold what they hold at first are folded."""
        shown = super().get_fieldsets(request, obj)
        return [
            (title, options | {"classes": fold(title, options["fields"], obj)}) for title, options in shown
        ]

    def get_readonly_fields(self, request, obj=None):
        """A threshold stays with its KPI."""
        return [*self.readonly_fields, *(["kpi"] if obj else [])]

    def save_model(self, request, obj, form, change):
        """Through the same door as the API."""
        save_threshold(obj, by=request.user, reason=form.cleaned_data.get("reason", ""))

    @admin.display(description="threshold", ordering="kpi__topic")
    def label(self, threshold):
        """Its name, or its KPI where it has none: the rule has a column of its own."""
        return shorten(threshold.name or str(threshold.kpi), TEXT_SHOWN)

    @admin.display(description="rule")
    def rule(self, threshold):
        """ "mean over 30 min above 48 h"."""
        return describe_rule(threshold, threshold.kpi.unit)

    @admin.display(description="state")
    def light(self, threshold):
        """Shape and word."""
        if not threshold.pk:
            return "not yet judged"
        if not threshold.enabled:
            return f"{words.SHAPES['none']} switched off"
        light, silenced = describe_light(threshold, get_view(threshold)), get_view(threshold).silenced
        return f"{light}, {silenced}" if silenced else light

    @admin.display(description="value when last judged")
    def last_value(self, threshold):
        """The value in human units, with when it was judged."""
        if not threshold.pk:
            return "–"
        view = get_view(threshold)
        return format_value(view.value, threshold.kpi.unit, threshold.aggregate, beside=threshold.limit)

    @admin.display(description="data")
    def data(self, threshold):
        """The health of the data, and since when."""
        if not threshold.pk:
            return "–"
        view = get_view(threshold)
        since = "" if view.data == "fresh" or not view.data_since else f" since {write_ms(view.data_since)}"
        return f"{DATA[view.data]}{since}"

    @admin.display(description="slots missed")
    def missed(self, threshold):
        """How many slots nobody could judge."""
        return get_view(threshold).missed if threshold.pk else 0


def get_view(threshold):
    """The state of a threshold, read once per row object."""
    if not hasattr(threshold, "view"):
        threshold.view = read_states([threshold])[threshold.pk]
    return threshold.view


def describe_light(threshold, view):
    """Shape and word of a state, as the overview says it."""
    if view.state == "ok" and view.data == "empty":
        return f"{words.SHAPES['silent']} No data"
    under = view.state == "pending" and threshold.operator not in words.UPPER
    return f"{words.SHAPES[view.state]} {'Under limit' if under else STATES[view.state]}"


def fold(title, names, threshold):
    """The classes of a section: folded where it holds what it holds at first."""
    if title not in FOLDED:
        return []
    defaults = {name: Threshold._meta.get_field(name).get_default() for name in names}
    changed = threshold is not None and any(getattr(threshold, name) != defaults[name] for name in names)
    return [] if changed else ["collapse"]
