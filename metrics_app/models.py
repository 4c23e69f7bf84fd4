"""Rows of the app: the registry, the keys, the thresholds and what came of them.

Times of events (slots, breaches) are integer milliseconds since the epoch, as
points are; ``DateTimeField`` says when a row was written. Durations are seconds.
"""

from django.conf import settings
from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.db import models
from django.utils import timezone

from metrics_app.core.points import check_topic
from metrics_app.exceptions import BadInput


def validate_topic(topic):
    """Django's form of ``check_topic``."""
    try:
        check_topic(topic)
    except BadInput as error:
        raise ValidationError(str(error)) from None


class Aggregate(models.TextChoices):
    """Names are those of ``metrics_app.core.aggregates``."""

    MEAN = "mean", "mean"
    COUNT = "count", "count"
    SUM = "sum", "sum"
    MIN = "min", "minimum"
    MAX = "max", "maximum"
    P50 = "p50", "median"
    P90 = "p90", "90th percentile"
    P95 = "p95", "95th percentile"
    P99 = "p99", "99th percentile"
    RATE_PER_HOUR = "rate_per_hour", "rate per hour"


class Kpi(models.Model):
    """A topic that people care about, and what its tile shows."""

    class Direction(models.TextChoices):
        LOWER = "lower", "lower is better"
        HIGHER = "higher", "higher is better"
        NONE = "none", "neither"

    topic = models.CharField(max_length=100, unique=True, validators=[validate_topic],
                             help_text="Dotted lower-case name, such as complaint.latency.")
    name = models.CharField(max_length=100, blank=True, help_text="As people call it. Empty: the topic.")
    unit = models.CharField(max_length=30, blank=True,
                            help_text="'seconds' is shown as '2 d 4 h', '%' as a percentage, "
                            "anything else as it is: 'open', 'calls'.")
    direction = models.CharField(max_length=10, choices=Direction, default=Direction.LOWER)
    aggregate = models.CharField(max_length=20, choices=Aggregate, default=Aggregate.MEAN,
                                 help_text="What the tile shows.")
    window = models.PositiveIntegerField(default=1800, help_text="Seconds the tile looks back.")
    owner = models.ForeignKey(Group, null=True, blank=True, on_delete=models.SET_NULL,
                              help_text="The group that answers for this KPI.")
    restricted = models.BooleanField(default=False,
                                     help_text="Visible to the owner group only, with its thresholds, "
                                     "streams and proposals.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["topic"]
        verbose_name = "KPI"
        verbose_name_plural = "KPIs"

    def __str__(self):
        return self.name or self.topic


class ApiKey(models.Model):
    """A credential of a program. Only its hash is stored; the key is shown once."""

    class Scope(models.TextChoices):
        EMIT = "emit", "emit points"
        READ = "read", "read KPIs, thresholds, breaches and streams"
        PROPOSE = "propose", "open proposals"
        PARTNER = "partner", "subscribe to /mkt/ only"

    name = models.CharField(max_length=100, help_text="Who or what uses it.")
    prefix = models.CharField(max_length=12, editable=False, help_text="The first characters of the key.")
    hash = models.CharField(max_length=64, unique=True, editable=False, help_text="SHA-256 of the key.")
    scopes = models.JSONField(default=list)
    topics = models.JSONField(default=list, blank=True,
                              help_text="Topics or patterns this key is limited to. Empty: all "
                              "(a partner key: none).")
    group = models.ForeignKey(Group, null=True, blank=True, on_delete=models.SET_NULL,
                              help_text="Reads the restricted KPIs of this group too.")
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, editable=False,
                                   on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    revoked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["name"]
        verbose_name = "API key"

    def __str__(self):
        return f"{self.name} ({self.prefix}…)"


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

    kpi = models.ForeignKey(Kpi, on_delete=models.CASCADE, related_name="thresholds")
    name = models.CharField(max_length=100, blank=True, help_text="Empty: made from the rule.")
    aggregate = models.CharField(max_length=20, choices=Aggregate, default=Aggregate.MEAN)
    window = models.PositiveIntegerField(default=1800, help_text="Seconds the rule looks back.")
    operator = models.CharField(max_length=3, choices=Operator, default=Operator.GT)
    limit = models.FloatField(help_text="In the KPI's unit (seconds for durations: 48 h = 172800).")
    recovery_limit = models.FloatField(null=True, blank=True,
                                       help_text="The value must come back to this to recover. Empty: the limit.")
    pending_for = models.PositiveIntegerField(default=0, help_text="Seconds beyond the limit before it fires.")
    keep_firing_for = models.PositiveIntegerField(default=0,
                                                  help_text="Seconds on the good side before it has recovered.")
    min_count = models.PositiveIntegerField(default=1, help_text="Fewer points than this judge nothing.")
    no_data = models.CharField(max_length=4, choices=NoData, default=NoData.KEEP)
    no_data_for = models.PositiveIntegerField(default=3600, help_text="Seconds of silence before 'no data' acts.")
    interval = models.PositiveIntegerField(default=60, help_text="Seconds between two evaluations.")
    delay = models.PositiveIntegerField(default=0, help_text="Seconds an evaluation waits for late points.")
    severity = models.CharField(max_length=10, choices=Severity, default=Severity.WARNING)
    cooldown = models.PositiveIntegerField(default=0,
                                           help_text="Seconds after recovery in which the same breach reopens.")
    enabled = models.BooleanField(default=True)
    title = models.CharField(max_length=200, blank=True,
                             help_text="Title of the proposal it opens. Empty: it proposes nothing.")
    suggestion = models.CharField(max_length=500, blank=True, help_text="For example: Hire 2 temp agents.")
    action = models.CharField(max_length=100, blank=True, help_text="What an approval carries out.")
    action_params = models.JSONField(default=dict, blank=True)
    version = models.PositiveIntegerField(default=1, editable=False)
    edited_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, blank=True, editable=False,
                                  on_delete=models.SET_NULL, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    # The fields that make the rule: a change of one is a new version.
    RULE_FIELDS = ("aggregate", "window", "operator", "limit", "recovery_limit", "pending_for",
                   "keep_firing_for", "min_count", "no_data", "no_data_for", "interval", "delay",
                   "severity", "cooldown", "enabled", "title", "suggestion", "action", "action_params")

    class Meta:
        ordering = ["kpi__topic", "id"]

    def __str__(self):
        return self.name or f"{self.kpi.topic}: {self.aggregate} {self.operator} {self.limit:g}"


class ThresholdVersion(models.Model):
    """A rule as it stood; never changed. A breach says which version fired."""

    threshold = models.ForeignKey(Threshold, on_delete=models.CASCADE, related_name="versions")
    version = models.PositiveIntegerField()
    rule = models.JSONField()
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.CharField(max_length=500, blank=True)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["threshold", "-version"]
        constraints = [models.UniqueConstraint(fields=["threshold", "version"], name="one_row_per_version")]

    def __str__(self):
        return f"{self.threshold} v{self.version}"


class ThresholdState(models.Model):
    """What the evaluator knows of a threshold; written by ``services.evaluate`` alone.

    Apart from the rule, so that saving a form never writes over a state.
    """

    threshold = models.OneToOneField(Threshold, primary_key=True, on_delete=models.CASCADE, related_name="state_row")
    last_slot = models.BigIntegerField(default=0, help_text="ms; the newest slot judged (0: none)")
    state = models.CharField(max_length=10, default="ok", help_text="ok, pending, firing, recovering")
    since = models.BigIntegerField(null=True, help_text="ms; the slot at which the state began")
    # Slots that could not be judged hold a running timer: held_ms is taken off it.
    held_ms = models.BigIntegerField(default=0)
    slot_class = models.CharField(max_length=6, blank=True, help_text="breach, band, clear, thin, empty, error")
    value = models.FloatField(null=True)
    n = models.BigIntegerField(default=0)
    data = models.CharField(max_length=6, default="fresh", help_text="fresh, thin, empty, error")
    data_since = models.BigIntegerField(null=True)
    peak = models.FloatField(null=True)
    recovered_at = models.BigIntegerField(null=True, help_text="ms; for the cool-down")
    missed = models.BigIntegerField(default=0, help_text="slots that were no longer hot when their turn came")
    history = models.BigIntegerField(default=0, help_text="bits: state changed in each of the last 21 slots")
    flapping = models.BooleanField(default=False)


class Breach(models.Model):
    """One incident, from firing to recovered. ``announced_at`` null: no handler has seen it."""

    class Kind(models.TextChoices):
        LIMIT = "limit", "beyond the limit"
        DATA = "data", "no data"

    threshold = models.ForeignKey(Threshold, on_delete=models.CASCADE, related_name="breaches")
    kind = models.CharField(max_length=5, choices=Kind, default=Kind.LIMIT)
    version = models.PositiveIntegerField(help_text="The version of the threshold that fired.")
    severity = models.CharField(max_length=10, choices=Threshold.Severity, default=Threshold.Severity.WARNING)
    since = models.BigIntegerField(help_text="ms; when the value first went beyond the limit")
    fired_at = models.BigIntegerField(help_text="ms; the slot that fired")
    recovered_at = models.BigIntegerField(null=True, blank=True, help_text="ms; empty while it is open")
    value = models.FloatField(null=True, help_text="when it fired")
    n = models.BigIntegerField(default=0, help_text="points in the window when it fired")
    peak = models.FloatField(null=True)
    reopened = models.PositiveIntegerField(default=0, help_text="times it came back within the cool-down")
    caught_up = models.BooleanField(default=False, help_text="opened and closed while catching up: proposes nothing")
    created_at = models.DateTimeField(auto_now_add=True)
    announced_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=500, blank=True, help_text="what the handlers made of it")

    class Meta:
        ordering = ["-fired_at", "-id"]
        verbose_name_plural = "breaches"
        constraints = [
            models.UniqueConstraint(fields=["threshold", "kind"], condition=models.Q(recovered_at=None),
                                    name="one_open_breach_per_threshold_and_kind"),
        ]
        indexes = [models.Index(fields=["announced_at"], condition=models.Q(announced_at=None),
                                name="breaches_to_announce")]

    def __str__(self):
        return f"Breach #{self.pk} of {self.threshold}"


class BreachEvent(models.Model):
    """A line on a breach's timeline, for people."""

    breach = models.ForeignKey(Breach, on_delete=models.CASCADE, related_name="timeline")
    at = models.BigIntegerField(help_text="ms")
    kind = models.CharField(max_length=20)
    text = models.CharField(max_length=500)

    class Meta:
        ordering = ["at", "id"]

    def __str__(self):
        return self.text


class EvaluationRecord(models.Model):
    """What all thresholds of one interval saw at one slot, packed; kept 35 days."""

    interval = models.PositiveIntegerField()
    slot = models.BigIntegerField()
    packed = models.BinaryField(help_text="MessagePack: [[threshold, version, class, value, n, state], …]")

    class Meta:
        indexes = [models.Index(fields=["slot", "interval"], name="evaluation_by_slot")]
