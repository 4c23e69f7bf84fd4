"""Who decides on what, how many of them, and by when."""

from django.contrib.auth.models import Group
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from pipelines_app import conf
from pipelines_app.core.durations import DAY_H, DAY_S, WEEK_H
from pipelines_app.core.fields import SEVERITIES
from pipelines_app.core.guardrails import read_topics
from pipelines_app.core.topics import is_pattern
from pipelines_app.exceptions import BadInput

MOST_APPROVALS = 100
LONGEST_WAIT = 366 * DAY_S  # seconds
LONGEST_SETTLE = 4 * WEEK_H  # hours
LONGEST_SPAN = 4  # weeks: of longer ones 400 days hold too few to say how far they differ by themselves


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

    guardrails = models.CharField(
        max_length=500,
        blank=True,
        help_text="Topics of KPIs that an action must not harm, such as complaint.open: judged beside it.",
    )
    settle_hours = models.PositiveSmallIntegerField(
        default=DAY_H,
        validators=[MaxValueValidator(LONGEST_SETTLE)],
        help_text="Hours after an action that are not judged yet.",
    )
    span_weeks = models.PositiveSmallIntegerField(
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(LONGEST_SPAN)],
        help_text="Whole weeks after that by which its effect is judged.",
    )

    class Meta:
        ordering = ["rank", "pk"]
        verbose_name_plural = "policies"

    def __str__(self):
        return self.name

    def clean(self):
        """ValidationError for topics that are no pattern, and for guardrails that nobody could judge."""
        if not is_pattern(self.topics):
            raise ValidationError(
                {"topics": f"{self.topics!r} is no topic: expected such as er.wait, complaint.* or *"}
            )
        try:
            topics = read_topics(self.guardrails)
        except BadInput as error:
            raise ValidationError({"guardrails": str(error)}) from None
        if faults := list(filter(None, map(tell_unjudged, topics))):
            raise ValidationError({"guardrails": faults})
        self.guardrails = " ".join(topics)

    def list_named(self):
        """The topics that it names, which may be a pattern."""
        return [self.topics, *self.guardrails.split()]


def tell_unjudged(topic, *, is_seen=True):
    """Why the project could not judge a guardrail, in words; empty where it can.

    One that is not for whoever names it is to them as one that is not there.
    """
    describe = getattr(conf.load("MEASUREMENTS"), "describe_effect", None)
    if describe is None:
        return "This project measures no effects (MEASUREMENTS): leave it empty."
    measure = describe(topic, None) if is_seen else None
    if measure is None:
        return f"{topic} is no KPI of this project: name one that is measured."
    return (
        "" if measure["better"] else f"Nobody has said which way {topic} is better: say so on its KPI first."
    )
