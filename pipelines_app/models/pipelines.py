"""Proposals and the votes on them."""

import json

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models.functions import Coalesce
from django.utils import timezone

from pipelines_app.core.chain import digest
from pipelines_app.core.fields import SEVERITIES
from pipelines_app.core.states import LABELS, OPEN, State
from pipelines_app.core.voting import APPROVE, REJECT

STATES = [(state.value, LABELS[state]) for state in State]
OPEN_VALUES = sorted(state.value for state in OPEN)


class Pipeline(models.Model):
    """A proposal awaiting human approval, then its execution and its measured effect."""

    title = models.CharField(max_length=200)
    suggestion = models.CharField(max_length=500)
    topic = models.CharField(
        max_length=100, blank=True, help_text="The KPI it is about. Empty: none measures it."
    )
    # A KPI's has up to 30 characters; what is counted of it adds words, such as "per hour".
    unit = models.CharField(max_length=60, blank=True)
    kpi = models.FloatField(null=True, blank=True, help_text="The KPI's value when it was opened.")
    severity = models.CharField(
        max_length=10, choices=[(name, name) for name in SEVERITIES], default="warning"
    )
    state = models.CharField(max_length=20, choices=STATES, default=State.AWAITING_APPROVAL.value)
    version = models.PositiveIntegerField(default=1, help_text="A changed suggestion is a new version.")
    quorum = models.PositiveSmallIntegerField(default=1, help_text="Approvals it needs.")

    # PROTECT: without its group a proposal would be everybody's to decide.
    deciders = models.ForeignKey(
        Group,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Who decides. Empty: everybody who has the permission to.",
    )
    escalation = models.ForeignKey(
        Group,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="May decide too once four fifths of the time are over.",
    )

    # What opened it: "breach:12". A message that comes twice finds its proposal by this. Not unique: one
    # that somebody wrote here would keep the proposal that it belongs to from being opened.
    origin = models.CharField(max_length=100, null=True, blank=True, db_index=True)
    proposer = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Never decides on it.",
    )
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Who wrote the present version; leaves the decision to others too.",
    )
    proposer_name = models.CharField(max_length=150, blank=True, help_text="As it was when it was opened.")
    program = models.CharField(
        max_length=100, blank=True, help_text="The key of the program that wrote it. Empty: people or a rule."
    )
    rationale = models.TextField(blank=True, help_text="Why, in the words of whoever proposed it.")
    # PROTECT: a group that is deleted must not make its proposals public.
    restricted_to = models.ForeignKey(
        Group,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="Visible to this group only. Empty: to every logged-in user.",
    )
    reserved_for = models.ForeignKey(
        Group,
        null=True,
        blank=True,
        editable=False,
        on_delete=models.PROTECT,
        related_name="+",
        help_text="The group that its proposer named. Empty: whoever sees its KPI reads it.",
    )
    # Whom ``restricted_to`` named first: that one follows the KPI, and two rows that were one audience's
    # when they were opened must not meet later. A plain number, which keeps no group from being deleted.
    audience = models.PositiveBigIntegerField(
        default=0,
        # Of what the version before opens while the tables are those of this one.
        db_default=0,
        editable=False,
        help_text="The id of the group it was opened for. 0: everybody.",
    )

    evidence_text = models.TextField(
        default="{}", editable=False, help_text="JSON, frozen when it was opened."
    )
    evidence_sha256 = models.CharField(max_length=64, editable=False)
    overrun = models.FloatField(
        null=True, blank=True, editable=False, help_text="How far beyond its limit, as a share of the limit."
    )

    latest_kpi = models.FloatField(null=True, blank=True, help_text="The value of the newest repeat.")
    latest_at = models.DateTimeField(null=True, blank=True)
    latest_origin = models.CharField(max_length=100, blank=True, db_index=True)
    noted = models.PositiveIntegerField(default=0, help_text="Times it was proposed again while it was open.")

    action = models.CharField(max_length=100, blank=True, help_text="What an approval carries out.")
    action_params = models.JSONField(default=dict, blank=True)

    created_at = models.DateTimeField(default=timezone.now)
    due_at = models.DateTimeField(help_text="Undecided by then, it expires.")
    decided_at = models.DateTimeField(null=True, blank=True)
    carried_out_at = models.DateTimeField(
        null=True, blank=True, help_text="A manual step: the midnight at which its day began."
    )
    outcome = models.CharField(max_length=500, blank=True, help_text="What came of carrying it out.")

    class Meta:
        verbose_name = "proposal"
        ordering = ["-id"]
        permissions = [("decide_pipeline", "Can approve and reject proposals")]
        constraints = [
            models.UniqueConstraint(
                "title",
                "topic",
                "audience",
                Coalesce("reserved_for", 0),
                name="one_open_pipeline_per_audience",
                condition=models.Q(state__in=OPEN_VALUES),
            ),
            models.CheckConstraint(
                condition=models.Q(state__in=[state.value for state in State]), name="pipeline_state_is_known"
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"], condition=models.Q(state__in=OPEN_VALUES), name="pipelines_to_expire"
            ),
            models.Index(fields=["state", "-id"], name="pipelines_by_state"),
        ]

    def __str__(self):
        return f"#{self.pk} {self.title}"

    @property
    def is_open(self):
        """Whether it still awaits a decision."""
        return self.state in OPEN

    @property
    def standing(self):
        """Its state in words, as sentences have it: ``awaiting approval``."""
        return LABELS.get(self.state, self.state).lower()

    @property
    def moves(self):
        """Its entries of the audit chain that moved something: ``noted`` tells the number of its repeats."""
        return self.audit.only_moves()

    @property
    def evidence(self):
        """What was known when it was opened, as a dict (empty where somebody broke the stored text)."""
        try:
            found = json.loads(self.evidence_text)
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def evidence_intact(self):
        """Whether the stored evidence still is what was frozen."""
        return digest(self.evidence_text) == self.evidence_sha256


class Decision(models.Model):
    """One person's vote on one version of a proposal."""

    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="decisions")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    by_name = models.CharField(max_length=150, help_text="As it was when the vote was cast.")
    instead_of = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="Whose seat it fills, where not one's own.",
    )
    instead_of_name = models.CharField(max_length=150, blank=True)
    vote = models.CharField(max_length=7, choices=[(APPROVE, "approve"), (REJECT, "reject")])
    comment = models.CharField(max_length=2000, blank=True)
    version = models.PositiveIntegerField(help_text="The version that was voted on.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["pipeline", "version", "by"], name="one_vote_per_person_and_version"
            ),
            models.UniqueConstraint(
                fields=["pipeline", "version", "instead_of"], name="one_vote_per_lent_seat_and_version"
            ),
        ]

    def __str__(self):
        return f"{self.name}: {self.vote}"

    @property
    def name(self):
        """Who voted, and for whom: ``Bea for Ada``."""
        return f"{self.by_name} for {self.instead_of_name}" if self.instead_of_name else self.by_name

    @property
    def seat(self):
        """The id of the person whose seat it fills."""
        return self.instead_of_id or self.by_id
