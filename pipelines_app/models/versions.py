"""What was decided on, word for word."""

from django.db import models
from django.utils import timezone

from pipelines_app.models.pipelines import Pipeline


class Version(models.Model):
    """One version of a proposal as one text; its hash stands in the audit entry of the event that made it.

    What decides reads this text. The proposal's columns repeat parts of it, for lists and filters.
    """

    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    text = models.TextField(editable=False, help_text="JSON, as it was hashed.")
    sha256 = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["pipeline_id", "number"]
        constraints = [
            models.UniqueConstraint(fields=["pipeline", "number"], name="one_text_per_version"),
        ]

    def __str__(self):
        return f"#{self.pipeline_id} version {self.number}"
