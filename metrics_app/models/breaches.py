"""What came of the thresholds: breaches, their timelines, and what was seen."""

from django.db import models
from django.utils import timezone

from metrics_app.models.thresholds import Threshold


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
    caught_up = models.BooleanField(
        default=False,
        help_text="opened while catching up; if it also closed there, it proposes nothing",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    announced_at = models.DateTimeField(null=True, blank=True)
    # Claimed or put off until then: a crash between claim and end means "again", never "lost".
    announce_after = models.DateTimeField(default=timezone.now, editable=False)
    attempts = models.PositiveIntegerField(
        default=0, editable=False, help_text="times it was handed to the handlers"
    )
    handled_by = models.JSONField(
        default=list, editable=False, help_text="dotted paths of the handlers that are done"
    )
    outcome = models.CharField(max_length=500, blank=True, help_text="what the handlers made of it")

    class Meta:
        ordering = ["-fired_at", "-id"]
        verbose_name_plural = "breaches"
        constraints = [
            models.UniqueConstraint(
                fields=["threshold"],
                condition=models.Q(recovered_at=None),
                name="one_open_breach_per_threshold",
            ),
        ]
        indexes = [
            models.Index(
                fields=["announced_at"], condition=models.Q(announced_at=None), name="breaches_to_announce"
            )
        ]

    def __str__(self):
        return f"Breach #{self.pk} of {self.threshold}"


class BreachEvent(models.Model):
    """A line on a breach's timeline, for people."""

    breach = models.ForeignKey(Breach, on_delete=models.CASCADE, related_name="timeline")
    at = models.BigIntegerField(help_text="ms")
    kind = models.CharField(max_length=20)
    text = models.CharField(max_length=500)
    # Why a breach ended where no value ended it, for the notices of the line; it is not a column.
    cause = ""

    class Meta:
        ordering = ["at", "id"]

    def __str__(self):
        return self.text


class EvaluationRecord(models.Model):
    """What the thresholds of one interval saw at one slot, packed; kept 35 days.

    Several rows share a slot where thresholds were judged in chunks.
    """

    interval = models.PositiveIntegerField(help_text="seconds; 0: an extra slot, asked for by a save")
    slot = models.BigIntegerField(help_text="ms")
    packed = models.BinaryField(help_text="columns, see core.records")

    class Meta:
        indexes = [models.Index(fields=["slot", "interval"], name="evaluation_by_slot")]
