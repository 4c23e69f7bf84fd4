"""Who is told without looking, and what they were told."""

import time

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models, transaction
from django.db.models.signals import pre_delete
from django.utils import timezone

from metrics_app.core import notices
from metrics_app.models.breaches import Breach, BreachEvent
from metrics_app.models.thresholds import Threshold

DELETED = "the receiver was deleted"


def list_severities():
    """All of them: what a new receiver hears of."""
    return list(Threshold.Severity.values)


def list_events():
    """All that can be chosen."""
    return list(notices.CHOICES)


class Receiver(models.Model):
    """Where notices go (mail addresses, a webhook of the settings …), and which ones."""

    name = models.CharField(
        max_length=100, unique=True, help_text="As the timelines of breaches call it: 'Duty officers'."
    )
    # Which kinds there are the services know, not the table: a new one is no migration.
    kind = models.CharField(max_length=50, default="mail")
    addresses = models.JSONField(
        default=list, blank=True, help_text="Mail addresses, or what another kind asks for, one per line."
    )
    webhook = models.CharField(
        max_length=100, blank=True, help_text="One of those that the site's settings name."
    )
    severities = models.JSONField(default=list_severities)
    events = models.JSONField(default=list_events)
    topics = models.JSONField(
        default=list,
        blank=True,
        help_text="Topics or patterns (complaint.*), one per line. Empty: every topic.",
    )
    group = models.ForeignKey(
        Group,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        help_text="Notices of the restricted KPIs of this group go there too.",
    )
    zone = models.CharField(
        max_length=50, default="UTC", help_text="The time zone of times in mails, such as Europe/Berlin."
    )
    group_wait = models.PositiveIntegerField(
        default=30, help_text="Seconds a first notice waits for others, so that they come in one message."
    )
    repeat_after = models.PositiveIntegerField(
        null=True, blank=True, help_text="Seconds after which an open breach is told again. Empty: never."
    )
    enabled = models.BooleanField(default=True)
    fault = models.CharField(
        max_length=500, blank=True, editable=False, help_text="why the last attempt failed; empty: it worked"
    )
    tried_at = models.DateTimeField(null=True, editable=False)
    # How the queue of this receiver stands: one drain at a time works on it, and all that waits for one that
    # does not answer waits for its next try, not each for its own.
    down_since = models.DateTimeField(
        null=True, editable=False, help_text="since when no attempt has worked; null: the last one did"
    )
    failures = models.PositiveIntegerField(
        default=0, db_default=0, editable=False, help_text="attempts in a row that failed"
    )
    try_after = models.DateTimeField(
        null=True, editable=False, help_text="not tried before then; null: at once"
    )
    held_until = models.DateTimeField(
        null=True, editable=False, help_text="a drain works on it; free after that, should the drain die"
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self):
        return self.name


class Notice(models.Model):
    """One event of one breach for one receiver. ``done_at`` null: it is still to be sent.

    ``message`` is the mail or the request that carries it, perhaps together with others;
    it keeps its name through every attempt, so that a receiver can tell repeats.
    """

    class Event(models.TextChoices):
        FIRING = notices.FIRING, "beyond limit"
        REOPENED = notices.REOPENED, "beyond limit again"
        STILL = notices.STILL, "still open"
        RECOVERED = notices.RECOVERED, "recovered"
        DATA = notices.DATA, "no data"
        DATA_OVER = notices.DATA_OVER, "data breach over"
        FLAPPING = notices.FLAPPING, "flapping"
        CALM = notices.CALM, "no longer flapping"
        TEST = notices.TEST, "test"

    class Outcome(models.TextChoices):
        SENT = "sent", "sent"
        WITHHELD = "withheld", "withheld"
        FAILED = "failed", "failed"

    # Who was told stays on record when the receiver goes: its name is kept then.
    receiver = models.ForeignKey(
        Receiver,
        null=True,
        on_delete=models.SET_NULL,
        related_name="notices",
        help_text="null: deleted since",
    )
    receiver_name = models.CharField(
        max_length=Receiver._meta.get_field("name").max_length,
        db_default="",
        default="",
        blank=True,
        editable=False,
        help_text="of a receiver that was deleted",
    )
    breach = models.ForeignKey(Breach, null=True, on_delete=models.CASCADE, related_name="notices")
    event = models.CharField(max_length=10, choices=Event)
    at = models.BigIntegerField(help_text="ms; the slot that is told of")
    value = models.FloatField(null=True, help_text="at that slot")
    text = models.CharField(max_length=500, help_text="as on the timeline")
    cause = models.CharField(
        max_length=200, blank=True, help_text="why it ended, where no value ended it: 'switched off by ann'"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    message = models.UUIDField(null=True, editable=False)
    # Waits for company, is claimed or put off until then: a crash between claim and stamp means "again",
    # never "lost". Of a receiver that is down its own ``try_after`` counts.
    try_after = models.DateTimeField(default=timezone.now)
    attempts = models.PositiveIntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    outcome = models.CharField(max_length=8, choices=Outcome, blank=True)
    error = models.CharField(
        max_length=500, blank=True, help_text="why the last attempt failed, or why it is withheld"
    )

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["receiver", "breach", "event", "at"], name="one_notice_per_event"
            ),
            models.CheckConstraint(
                condition=models.Q(done_at=None, outcome="")
                | (models.Q(done_at__isnull=False) & ~models.Q(outcome="")),
                name="done_with_an_outcome",
            ),
        ]
        indexes = [
            models.Index(fields=["try_after"], condition=models.Q(done_at=None), name="notices_to_send"),
            models.Index(fields=["message"], name="notices_by_message"),
            models.Index(
                fields=["done_at"], condition=models.Q(event=notices.FLAPPING), name="notices_of_flapping"
            ),
            models.Index(
                fields=["done_at"], condition=models.Q(outcome="failed"), name="notices_that_failed"
            ),
        ]

    def __str__(self):
        return f"{self.get_event_display()} to {self.told}"

    @property
    def told(self):
        """The name of the receiver, also once it is deleted."""
        return self.receiver.name if self.receiver else self.receiver_name


def keep_told(instance, **kwargs):
    """A receiver goes: its name stays with what it was told, and what waits is told to nobody."""
    with transaction.atomic():
        waiting = Notice.objects.filter(receiver=instance, done_at=None)
        breaches = list(waiting.exclude(breach=None).values_list("breach", flat=True))
        waiting.update(done_at=timezone.now(), outcome=Notice.Outcome.WITHHELD, error=DELETED)
        Notice.objects.filter(receiver=instance).update(receiver_name=instance.name)
        text, at = f"Notice to {instance} withheld: {DELETED}", time.time_ns() // 1_000_000
        BreachEvent.objects.bulk_create(
            BreachEvent(breach_id=pk, at=at, kind="notice", text=text[:500]) for pk in breaches
        )


pre_delete.connect(keep_told, sender=Receiver)
