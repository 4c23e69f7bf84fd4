"""What came of what was carried out, as it was judged, once."""

import json

from django.conf import settings
from django.db import models
from django.utils import timezone

from pipelines_app.models.pipelines import Pipeline


class Effect(models.Model):
    """The verdict on a proposal and the numbers behind it as one text, whose hash is in the audit chain.

    A person may close an inconclusive one: the verdict stays, the closing stands beside it.
    """

    pipeline = models.OneToOneField(Pipeline, on_delete=models.PROTECT, related_name="effect")
    text = models.TextField(editable=False, help_text="JSON, as it was hashed.")
    sha256 = models.CharField(max_length=64, editable=False)
    judged_at = models.DateTimeField(default=timezone.now)
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    closed_by_name = models.CharField(max_length=150, blank=True, help_text="As it was then.")
    closed_reason = models.CharField(max_length=2000, blank=True)

    class Meta:
        ordering = ["-id"]

    def __str__(self):
        return f"effect of #{self.pipeline_id}"

    @property
    def document(self):
        """The frozen dict; empty where somebody broke the stored text."""
        try:
            return json.loads(self.text)
        except ValueError:
            return {}
