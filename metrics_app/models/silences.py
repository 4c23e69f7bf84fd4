"""Silences: what keeps a threshold from proposing for a while, and who said so."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from metrics_app.models.thresholds import Threshold


class Silence(models.Model):
    """Changes what is delivered, never a state. Every matcher that is set must fit."""

    topic = models.CharField(
        max_length=102, blank=True, help_text="A topic or a pattern such as complaint.*; empty: every topic."
    )
    threshold = models.ForeignKey(
        Threshold,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="silences",
        help_text="Only this threshold. Empty: all that the other matchers fit.",
    )
    severity = models.CharField(
        max_length=10, choices=Threshold.Severity, blank=True, help_text="Empty: every severity."
    )
    starts_at = models.DateTimeField(default=timezone.now)
    ends_at = models.DateTimeField(help_text="Every silence has an end.")
    days = models.CharField(
        max_length=30,
        blank=True,
        help_text="Acts only on these days of the week: mon,tue,wed. Empty: without pause.",
    )
    opens = models.TimeField(null=True, blank=True, help_text="On those days from this time on.")
    closes = models.TimeField(
        null=True, blank=True, help_text="Until this time; on the next day where it is not later."
    )
    zone = models.CharField(
        max_length=50, default="UTC", help_text="The zone of those times, such as Europe/Berlin."
    )
    reason = models.CharField(max_length=500)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-ends_at", "-id"]
        indexes = [models.Index(fields=["ends_at"], name="silences_by_end")]

    def __str__(self):
        return f"{self.topic or self.threshold or 'everything'}: {self.reason}"
