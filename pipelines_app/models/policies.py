"""Who decides on what, how many of them, and by when."""

from django.contrib.auth.models import Group
from django.core.validators import MinValueValidator
from django.db import models

from pipelines_app.core.fields import SEVERITIES


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
        default=1, validators=[MinValueValidator(1)], help_text="Approvals that a proposal needs."
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
        default=24 * 3600,
        validators=[MinValueValidator(60)],
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
