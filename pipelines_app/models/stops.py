"""The stop switch: whether anything is carried out at all."""

from django.conf import settings
from django.db import models


class StopSwitch(models.Model):
    """One row, locked by whoever turns it and by whoever begins to carry something out."""

    stopped = models.BooleanField(default=False)
    reason = models.CharField(max_length=500, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    by_name = models.CharField(max_length=150, blank=True)
    at = models.DateTimeField(null=True, blank=True)
    remark = ""  # no column: what a reader adds where the row and the audit chain disagree

    class Meta:
        verbose_name_plural = "stop switch"
        permissions = [("turn_stopswitch", "Can stop and resume all actions")]

    def __str__(self):
        return "All actions are stopped" if self.stopped else "Actions are carried out"
