"""What must happen later: the row is the message."""

from django.db import models
from django.utils import timezone

from pipelines_app.models.pipelines import Pipeline


class Errand(models.Model):
    """One thing to do for one version of a proposal, once it is due, for one recipient.

    A drain claims it until a moment; whoever finds it unfinished after that takes it again.
    """

    pipeline = models.ForeignKey(Pipeline, on_delete=models.PROTECT, related_name="errands")
    version = models.PositiveIntegerField()
    kind = models.CharField(max_length=20)
    recipient = models.CharField(max_length=100, blank=True, help_text="Whom it is for, where it is for one.")
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_until = models.DateTimeField(null=True, blank=True)
    done_at = models.DateTimeField(null=True, blank=True)
    outcome = models.CharField(max_length=500, blank=True, help_text="What came of it, in words.")
    error = models.CharField(max_length=500, blank=True, help_text="Why the last attempt failed.")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.UniqueConstraint(
                fields=["pipeline", "version", "kind", "recipient"], name="one_errand_per_recipient"
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(done_at=None), name="errands_to_do"),
        ]

    def __str__(self):
        return f"{self.kind} for #{self.pipeline_id}, version {self.version}"
