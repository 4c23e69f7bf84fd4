"""Who decides on what, how many of them, and by when."""

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from pipelines_app.core.durations import DAY_S
from pipelines_app.core.fields import SEVERITIES
from pipelines_app.core.topics import is_pattern

MOST_APPROVALS = 100
LONGEST_WAIT = 366 * DAY_S  # seconds


class Policy(models.Model):
    """What is frozen into each new proposal that it fits; the first that fits by rank counts."""

    name = models.CharField(max_length=100, unique=True)
    rank = models.PositiveSmallIntegerField(default=100, help_text="The smallest that fits counts.")
    topics = models.CharField(
        max_length=100, default="*", help_text="A topic, a pattern such as complaint.*, or * for all."
    )
    severity = models.CharField(
        max_length=10,
        blank=True,
        choices=[(name, name) for name in SEVERITIES],
        help_text="Empty: of every severity.",
    )
    quorum = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_APPROVALS)],
        help_text="Approvals that a proposal needs.",
    )
    # PROTECT: without its group a policy would let everybody decide.
    deciders = models.ForeignKey(
        Group,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Who decides, of those who have the permission to. Empty: all of them.",
    )
    decide_within = models.PositiveIntegerField(
        default=DAY_S,
        validators=[MinValueValidator(60), MaxValueValidator(LONGEST_WAIT)],
        help_text="Seconds to decide, then it expires; after half of them people are reminded.",
    )
    escalation = models.ForeignKey(
        Group,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="May decide too from four fifths of that time on, and is told.",
    )

    class Meta:
        ordering = ["rank", "pk"]
        verbose_name_plural = "policies"

    def __str__(self):
        return self.name

    def clean(self):
        """ValidationError for topics that are no pattern: such a policy would silently fit nothing."""
        if not is_pattern(self.topics):
            raise ValidationError(
                {"topics": f"{self.topics!r} is no topic: expected such as er.wait, complaint.* or *"}
            )
