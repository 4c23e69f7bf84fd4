"""The history: roll-ups of minutes, hours and days, where the archiver stands, and corrections.

A roll-up is keyed (topic, start ms, generation). Rows of one span are added on reading:
each generation of a shard has counted its own points, and generation ``LATE`` holds the
points that came after their minute was sealed, so that what was first published stays.
"""

from django.conf import settings
from django.db import models

from metrics_app.core.text.counts import count_words

LATE = 0  # the generation of late points; those of shards count from 1


class Topic(models.Model):
    """The number that stands for a topic's name in millions of rows."""

    name = models.CharField(max_length=100, unique=True)

    def __str__(self):
        return self.name


class Generation(models.Model):
    """One life of a shard in Redis, and how far it has been archived."""

    shard = models.PositiveIntegerField()
    name = models.CharField(max_length=8)
    late_position = models.BigIntegerField(default=0, help_text="Points of its late log that are in SQL.")
    archived = models.BigIntegerField(default=0, help_text="Points of it in the roll-ups.")
    seen = models.BigIntegerField(default=0, help_text="Points the archiver last knew it to have collected.")
    lost = models.BigIntegerField(
        null=True, help_text="Points it took along when it ended; null while it lives."
    )
    noted_at = models.BigIntegerField(null=True, help_text="ms; when the watch last looked at it.")
    waiting = models.JSONField(
        null=True,
        help_text="What SQL lacked then: since (ms; null: nothing) and minutes, {topic: [[ms, points], …]}, "
        "null where too many waited to list them.",
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["shard", "name"], name="metrics_generation_once")]

    def __str__(self):
        return f"{self.name} of shard {self.shard}"


class Loss(models.Model):
    """What a shard took along when its Redis lost everything: how many points are known of, and of when.

    A span [start, end) of ms: from the oldest minute that SQL lacked, or from when the watch last looked,
    to the first point that was counted anew. What came after ``looked_at`` may not have been counted.
    """

    shard = models.PositiveIntegerField()
    start = models.BigIntegerField(help_text="ms")
    looked_at = models.BigIntegerField(help_text="ms; until then is known what was counted.")
    end = models.BigIntegerField(help_text="ms")
    points = models.BigIntegerField(help_text="Points of the shard that are known to be lost.")
    topics = models.JSONField(
        null=True, help_text="{topic: [since ms, points]} of those; null where nobody knows whose they were."
    )

    class Meta:
        verbose_name_plural = "losses"
        indexes = [models.Index(fields=["end"], name="metrics_losses_by_end")]

    def __str__(self):
        return f"{count_words(self.points, 'point')} of shard {self.shard}"


class Recording(models.Model):
    """A span [start, end) of ms in which the site recorded points without a break; the newest one grows.

    Between two of them the site, or its Redis, was away: that no point is known of then says nothing.
    """

    start = models.BigIntegerField(unique=True, help_text="ms")
    end = models.BigIntegerField(help_text="ms; when that was last noted.")

    def __str__(self):
        return f"{self.start} to {self.end}"


class ShardHistory(models.Model):
    """What is common to a shard's history; its row is the lock of everybody who writes it."""

    shard = models.PositiveIntegerField(primary_key=True)
    sealed = models.BigIntegerField(default=0, help_text="ms; the sealed mark as last archived.")
    days_target = models.BigIntegerField(
        default=0, help_text="ms; days before it are written, or being written."
    )
    days_through = models.BigIntegerField(default=0, help_text="ms; days before it are complete.")
    pruned_minutes = models.BigIntegerField(default=0, help_text="ms; minutes before it may be gone.")
    pruned_hours = models.BigIntegerField(default=0, help_text="ms; hours before it may be gone.")

    def __str__(self):
        return f"shard {self.shard}"


class Rollup(models.Model):
    """The summary of a span of a topic; a sum or m2 that left the floats is null."""

    pk = models.CompositePrimaryKey("topic", "start", "generation")
    topic = models.IntegerField()
    start = models.BigIntegerField()
    generation = models.IntegerField()
    count = models.BigIntegerField()
    sum = models.FloatField(null=True)
    m2 = models.FloatField(null=True)
    min = models.FloatField()
    max = models.FloatField()
    sketch = models.BinaryField()

    class Meta:
        abstract = True


class MinuteRollup(Rollup):
    """One minute."""


class HourRollup(Rollup):
    """One hour; always the sum of its minutes, written in the same transaction."""


class DayRollup(Rollup):
    """One UTC day, once it is over."""


class Correction(models.Model):
    """A span of a topic that does not count; restored, it counts again. Nothing is deleted."""

    topic = models.CharField(max_length=100, db_index=True)
    start = models.BigIntegerField(help_text="ms; a whole minute")
    end = models.BigIntegerField(help_text="ms; a whole minute")
    reason = models.CharField(max_length=500)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    restored_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.PROTECT, related_name="+"
    )
    restored_at = models.DateTimeField(null=True, blank=True)
    restore_reason = models.CharField(max_length=500, blank=True)

    class Meta:
        ordering = ["-created_at", "-id"]
        permissions = [("correct_history", "Can void and restore spans of history")]

    def __str__(self):
        return f"{self.topic}: {self.reason}"
