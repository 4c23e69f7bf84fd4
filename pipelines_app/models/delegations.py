"""Who decides in whose place, and for how long."""

from django.conf import settings
from django.db import models
from django.utils import timezone


class Delegation(models.Model):
    """One person's seat, lent to another for some days; who borrows it lends it to nobody else."""

    giver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    receiver = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["-ends_at", "pk"]
        constraints = [
            models.CheckConstraint(
                condition=~models.Q(giver=models.F("receiver")), name="delegation_is_to_another"
            ),
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="delegation_ends_after_it_starts"
            ),
        ]

    def __str__(self):
        return f"{self.receiver} for {self.giver}"
