"""Thresholds for an analyst: the rule in human units, its light, its versions."""

from django.contrib import admin, messages

from metrics_app.admin.fields import RowSelect
from metrics_app.admin.rule_files import ThresholdFiles
from metrics_app.admin.threshold_cells import ThresholdCells
from metrics_app.admin.threshold_form import ThresholdForm
from metrics_app.admin.trials import ThresholdTrials
from metrics_app.admin.versions import VersionInline
from metrics_app.admin.visible import VisibleAdmin
from metrics_app.core.conditions import KINDS, NONE, ORDER
from metrics_app.core.deadman import is_silence_rule
from metrics_app.models import Threshold
from metrics_app.services.conditions import judge_threshold
from metrics_app.services.rules.repeats import warn_of_repeats
from metrics_app.services.rules.thresholds import delete_threshold, save_threshold
from metrics_app.services.watch.states import read_clock, read_states

# Sections that most thresholds leave alone: folded while they hold nothing else than at first.
FOLDED = {"Timing", "Missing data", "Action"}

# A dead man is set on its KPI: here is what it does.
NOW = ("light", "explained", "last_value", "data", "missed", "version", "edited_by", "updated_at")
DEAD_MAN = [
    (None, {"fields": ["kpi", "rule", "window", "interval", "severity", "enabled"]}),
    ("Now", {"fields": ["light", "explained", "data", "missed", "version", "edited_by", "updated_at"]}),
]


class StateFilter(admin.SimpleListFilter):
    """By condition, as the list shows it."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request, model_admin):
        """Conditions as people know them."""
        return [(name, kind.label) for name, kind in KINDS.items() if name != NONE]

    def queryset(self, request, queryset):
        """Thresholds in the chosen condition: judged here as everywhere, not once more in SQL."""
        if self.value() not in ORDER:
            return queryset
        rows, clock = queryset.select_related("kpi", "state_row"), read_clock()
        names = {one.pk: judge_threshold(one, clock).names for one in rows}
        return queryset.filter(pk__in=[pk for pk, holds in names.items() if self.value() in holds])


class RetiredFilter(admin.SimpleListFilter):
    """Those in use, unless one asks for those that were deleted."""

    title = "in use"
    parameter_name = "retired"

    def lookups(self, request, model_admin):
        """What is kept for its breaches."""
        return [("yes", "deleted, kept for its breaches")]

    def choices(self, changelist):
        """The first one is no "All"."""
        first, *others = super().choices(changelist)
        return [first | {"display": "in use"}, *others]

    def queryset(self, request, queryset):
        """Thresholds in use, or the others."""
        return queryset.filter(retired_at__isnull=self.value() != "yes")


@admin.register(Threshold)
class ThresholdAdmin(ThresholdCells, ThresholdTrials, ThresholdFiles, VisibleAdmin):
    """Saving judges the threshold at once: a limit that is crossed fires within two seconds."""

    topic_path = "kpi__topic"
    form = ThresholdForm
    change_form_template = "admin/metrics_app/threshold/change_form.html"
    change_list_template = "admin/metrics_app/threshold/change_list.html"
    inlines = [VersionInline]
    list_display = ["label", "rule", "light", "last_value", "data", "severity"]
    list_filter = [StateFilter, "severity", "enabled", "aggregate", RetiredFilter]
    list_select_related = ["kpi"]
    search_fields = ["name", "kpi__topic", "kpi__name", "title", "suggestion"]
    autocomplete_fields = ["kpi"]
    readonly_fields = NOW
    fieldsets = [
        (None, {"fields": ["kpi", "name", "severity", "enabled"]}),
        (
            "Rule",
            {
                "fields": [
                    "aggregate",
                    "aggregate_value",
                    "window",
                    "operator",
                    "limit",
                    "recovery_limit",
                    "min_count",
                ],
                "description": "For example: mean over 30 min above 48 h, recovered at 43.2 h.",
            },
        ),
        ("Timing", {"fields": ["interval", "pending_for", "keep_firing_for", "cooldown", "delay", "zone"]}),
        (
            "Missing data",
            {
                "fields": ["no_data", "no_data_for", "judge_partial"],
                "description": "Silence never resolves a breach unless you say that it counts as clear.",
            },
        ),
        ("Proposal", {"fields": ["title", "suggestion"]}),
        ("Action", {"fields": ["action", "action_params"]}),
        ("This change", {"fields": ["reason"]}),
        ("Now", {"fields": NOW}),
    ]

    def has_change_permission(self, request, obj=None):
        """A dead man is set on its KPI, and what was deleted is evidence."""
        return super().has_change_permission(request, obj) and not (obj and is_kept(obj))

    def has_delete_permission(self, request, obj=None):
        """As with changes; it goes with its KPI."""
        own = request.resolver_match.url_name.startswith("metrics_app_threshold_")
        return super().has_delete_permission(request, obj) and not (own and obj and is_kept(obj))

    def get_queryset(self, request):
        """Thresholds of the KPIs that this person may see; those that can be chosen are in use."""
        rows = super().get_queryset(request)
        return rows.filter(retired_at=None) if request.resolver_match.url_name == "autocomplete" else rows

    def formfield_for_foreignkey(self, db_field, request, **options):
        """The search for a KPI."""
        options["widget"] = RowSelect(db_field, self.admin_site)
        return super().formfield_for_foreignkey(db_field, request, **options)

    def get_changelist_instance(self, request):
        """The page with the states of its rows, read at once."""
        page = super().get_changelist_instance(request)
        views = read_states(page.result_list)
        for threshold in page.result_list:
            threshold.view = views[threshold.pk]
        return page

    def get_fieldsets(self, request, obj=None):
        """Sections that hold what they hold at first are folded."""
        if obj is not None and is_silence_rule(obj):
            return DEAD_MAN
        shown = super().get_fieldsets(request, obj)
        return [
            (title, options | {"classes": fold(title, options["fields"], obj)}) for title, options in shown
        ]

    def get_readonly_fields(self, request, obj=None):
        """A threshold stays with its KPI."""
        return [*self.readonly_fields, "rule", *(["kpi"] if obj else [])]

    def save_model(self, request, obj, form, change):
        """Through the same door as the API."""
        reason, seen = (form.cleaned_data.get(name) for name in ("reason", "seen"))
        save_threshold(obj, by=request.user, reason=reason or "", seen=seen)
        for sentence in warn_of_repeats([obj])[0]:
            messages.warning(request, f"{sentence}.")

    def get_deleted_objects(self, objs, request):
        """What goes; thresholds that ever had a breach are kept with all that they have."""
        rows = Threshold.objects.filter(pk__in=[one.pk for one in objs], breaches__isnull=False)
        kept = list(rows.select_related("kpi").distinct())
        ids = {one.pk for one in kept}
        gone, counts, refused, protected = super().get_deleted_objects(
            [one for one in objs if one.pk not in ids], request
        )
        lines = [f"{one}: switched off and out of the lists; its breaches stay on record" for one in kept]
        if kept and not self.has_delete_permission(request):
            refused = {*refused, self.opts.verbose_name}
        return [*gone, *lines], counts, refused, protected

    def delete_model(self, request, obj):
        """Through the same door as the API."""
        delete_threshold(obj, by=request.user)

    def delete_queryset(self, request, queryset):
        """Each for itself."""
        for threshold in queryset.select_related("kpi"):
            delete_threshold(threshold, by=request.user)


def is_kept(threshold):
    """Whether a threshold is not for this page to change: a dead man, or one that was deleted."""
    return is_silence_rule(threshold) or threshold.retired_at is not None


def fold(title, names, threshold):
    """The classes of a section: folded where it holds what it holds at first."""
    if title not in FOLDED:
        return []
    defaults = {name: Threshold._meta.get_field(name).get_default() for name in names}
    changed = threshold is not None and any(getattr(threshold, name) != defaults[name] for name in names)
    return [] if changed else ["collapse"]
