"""What people write on the time axis of a KPI, and every wording it has had."""

from django.conf import settings
from django.db import models


class Note(models.Model):
    """ "New form went live": what else happened while a KPI moved. Deleted ones stay on record."""

    topic = models.CharField(max_length=100)
    at = models.BigIntegerField(help_text="ms; when it happened, or began")
    until = models.BigIntegerField(null=True, blank=True, help_text="ms; when it ended. Empty: a moment.")
    text = models.CharField(max_length=300)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, editable=False, on_delete=models.SET_NULL, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["topic", "at"], name="notes_by_topic")]

    def __str__(self):
        return self.text


class NoteChange(models.Model):
    """Who wrote, changed or deleted a note, when, and how it read from then on; only ever added."""

    class Action(models.TextChoices):
        ADDED = "added", "added"
        CHANGED = "changed", "changed"
        DELETED = "deleted", "deleted"

    note = models.ForeignKey(Note, on_delete=models.PROTECT, related_name="changes")
    action = models.CharField(max_length=7, choices=Action)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    by_name = models.CharField(max_length=150, help_text="As it was then.")
    made_at = models.DateTimeField(auto_now_add=True)
    at = models.BigIntegerField()
    until = models.BigIntegerField(null=True)
    text = models.CharField(max_length=300)

    class Meta:
        ordering = ["id"]

    def __str__(self):
        return f"{self.action} by {self.by_name}: {self.text}"
