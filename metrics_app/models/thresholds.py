"""Thresholds, their versions, and what the evaluator knows of each."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from metrics_app.core.aggregates import list_choices
from metrics_app.core.text.phrases import tell_rule
from metrics_app.models.kpis import Kpi


def list_rule_aggregates():
    """``(name, words)`` of what a rule may judge."""
    return list_choices()


class Threshold(models.Model):
    """A rule on an aggregate of a window of a KPI, plus what to propose."""

    class Operator(models.TextChoices):
        GT = "gt", "above (>)"
        GTE = "gte", "at or above (≥)"
        LT = "lt", "below (<)"
        LTE = "lte", "at or below (≤)"

    class NoData(models.TextChoices):
        KEEP = "keep", "keep the state"
        FIRE = "fire", "open a data breach"
        OK = "ok", "count as clear"

    class Severity(models.TextChoices):
        INFO = "info", "info"
        WARNING = "warning", "warning"
        CRITICAL = "critical", "critical"

    class Kind(models.TextChoices):
        LIMIT = "limit", "a limit"
        SILENCE = "silence", "a KPI that falls silent"

    kpi = models.ForeignKey(Kpi, on_delete=models.CASCADE, related_name="thresholds")
    # Those of kind silence are kept by ``services.deadman``, as the KPI's expected interval says.
    kind = models.CharField(max_length=7, choices=Kind, default=Kind.LIMIT, editable=False)
    name = models.CharField(max_length=100, blank=True, help_text="Empty: made from the rule.")
    # What files call it, whatever its name and rule become; ``services.thresholds`` chooses one.
    key = models.CharField(
        max_length=100, blank=True, editable=False, help_text="Its name in files, apart within its KPI."
    )
    aggregate = models.CharField(max_length=20, choices=list_rule_aggregates, default="mean")
    aggregate_value = models.FloatField(
        null=True,
        blank=True,
        help_text="For a share the value it divides at, for a trend the one it leads to; in the KPI's unit.",
    )
    window = models.PositiveIntegerField(default=1800, help_text="Seconds the rule looks back.")
    operator = models.CharField(max_length=3, choices=Operator, default=Operator.GT)
    limit = models.FloatField(help_text="In the KPI's unit (seconds for durations: 48 h = 172800).")
    recovery_limit = models.FloatField(
        null=True, blank=True, help_text="The value must come back to this to recover. Empty: the limit."
    )
    pending_for = models.PositiveIntegerField(
        default=0, help_text="Seconds beyond the limit before it fires."
    )
    keep_firing_for = models.PositiveIntegerField(
        default=0, help_text="Seconds on the good side before it has recovered."
    )
    min_count = models.PositiveIntegerField(default=1, help_text="Fewer points than this judge nothing.")
    no_data = models.CharField(max_length=4, choices=NoData, default=NoData.KEEP)
    no_data_for = models.PositiveIntegerField(
        default=3600, help_text="Seconds of silence before 'no data' acts."
    )
    interval = models.PositiveIntegerField(default=60, help_text="Seconds between two evaluations.")
    delay = models.PositiveIntegerField(default=0, help_text="Seconds an evaluation waits for late points.")
    zone = models.CharField(
        max_length=50,
        blank=True,
        default="",
        db_default="",
        help_text="By whose clock a change finds the day or week before, such as Europe/Berlin. Empty: UTC.",
    )
    judge_partial = models.BooleanField(
        default=False,
        db_default=False,
        help_text="Judge a count, sum or rate also over a window that reaches back before the KPI's first "
        "day, or over points that are known to be lost.",
    )
    severity = models.CharField(max_length=10, choices=Severity, default=Severity.WARNING)
    cooldown = models.PositiveIntegerField(
        default=0, help_text="Seconds after recovery in which the same breach reopens."
    )
    enabled = models.BooleanField(default=True)
    title = models.CharField(
        max_length=200, blank=True, help_text="Title of the proposal it opens. Empty: it proposes nothing."
    )
    suggestion = models.CharField(max_length=500, blank=True, help_text="For example: Hire 2 temp agents.")
    action = models.CharField(max_length=100, blank=True, help_text="What an approval carries out.")
    action_params = models.JSONField(default=dict, blank=True)
    # Evidence outlives the rule: one that ever had a breach is kept, switched off and out of sight.
    retired_at = models.DateTimeField(null=True, editable=False, help_text="when it was deleted")
    version = models.PositiveIntegerField(default=1, editable=False)
    edited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    # The fields that make the rule: a change of one is a new version.
    RULE_FIELDS = (
        "aggregate",
        "aggregate_value",
        "window",
        "operator",
        "limit",
        "recovery_limit",
        "pending_for",
        "keep_firing_for",
        "min_count",
        "no_data",
        "no_data_for",
        "interval",
        "delay",
        "zone",
        "judge_partial",
        "severity",
        "cooldown",
        "enabled",
        "title",
        "suggestion",
        "action",
        "action_params",
    )

    class Meta:
        ordering = ["kpi__topic", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["kpi"], condition=models.Q(kind="silence"), name="one_dead_man_per_kpi"
            ),
            models.UniqueConstraint(
                fields=["kpi", "key"],
                condition=~models.Q(key="") & models.Q(retired_at=None),
                name="one_threshold_per_key",
            ),
        ]

    def __str__(self):
        return self.name or f"{self.kpi.topic}: {tell_rule(self, self.kpi.unit)}"


class ThresholdVersion(models.Model):
    """A rule as it stood; never changed. A breach says which version fired."""

    threshold = models.ForeignKey(Threshold, on_delete=models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    rule = models.JSONField()
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["threshold", "-version"]
        constraints = [models.UniqueConstraint(fields=["threshold", "version"], name="one_row_per_version")]

    def __str__(self):
        return f"{self.threshold} v{self.version}"


class ThresholdState(models.Model):
    """What the evaluator knows of a threshold; written by ``services.evaluate`` alone.

    Apart from the rule, so that saving a form never writes over a state. The
    fields from ``last_slot`` on are those of ``core.watch.State``, by name.
    """

    threshold = models.OneToOneField(
        Threshold, primary_key=True, on_delete=models.CASCADE, related_name="state_row"
    )
    due_at = models.BigIntegerField(
        default=0, db_index=True, help_text="ms the collected-through mark must pass for the next slot"
    )
    rule_version = models.PositiveIntegerField(
        default=1, help_text="the version of the last save; an evaluator that read an older one starts again"
    )
    extra_slot = models.BigIntegerField(
        null=True, help_text="ms; asked for by a save, judged once besides the multiples of the interval"
    )
    last_slot = models.BigIntegerField(default=0, help_text="ms; the newest slot judged or skipped (0: none)")
    state = models.CharField(max_length=10, default="ok", help_text="ok, pending, firing, recovering")
    since = models.BigIntegerField(null=True, help_text="ms; the slot at which the state began")
    timer_ms = models.BigIntegerField(
        default=0, help_text="how long pending or recovering has lasted, without the slots that held it"
    )
    slot_class = models.CharField(
        max_length=12, blank=True, help_text="breach, band, clear, thin, empty, incomparable, error"
    )
    value = models.FloatField(null=True)
    n = models.BigIntegerField(default=0, help_text="points in the window; -1: the query failed")
    data = models.CharField(
        max_length=12, default="fresh", help_text="fresh, thin, empty, incomparable, error"
    )
    data_since = models.BigIntegerField(null=True, help_text="ms; the slot at which the data flag began")
    absent_ms = models.BigIntegerField(
        null=True, help_text="length of the present run of unusable slots; null: none"
    )
    empty_ms = models.BigIntegerField(
        null=True, help_text="length of the present run of empty slots, held by failed queries; null: none"
    )
    data_breach = models.BooleanField(default=False, help_text="a data breach is open")
    peak = models.FloatField(null=True, help_text="the worst value of the present incident")
    recovered_at = models.BigIntegerField(null=True, help_text="ms; for the cool-down")
    missed = models.BigIntegerField(default=0, help_text="slots that were no longer hot when their turn came")
    changes = models.IntegerField(default=0, help_text="bits: state changed between the last 21 slots")
    flapping = models.BooleanField(default=False)

    def __str__(self):
        return f"{self.threshold_id}: {self.state}"
