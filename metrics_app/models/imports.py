"""Imports of tables of points: how far each has come, and the ids that were taken."""

from django.db import models


class Import(models.Model):
    """A file that was, or is being, brought into history; its row is the lock of its importers."""

    digest = models.CharField(max_length=64, unique=True, help_text="Of the content and the columns read.")
    name = models.CharField(max_length=255)
    hot_from = models.BigIntegerField(help_text="ms; younger points go over the bus.")
    position = models.BigIntegerField(default=0, help_text="Rows of the file that are done.")
    added = models.BigIntegerField(default=0, help_text="Points that came into history or on the bus.")
    known = models.BigIntegerField(default=0, help_text="Points whose id had come before.")
    bad = models.BigIntegerField(default=0, help_text="Rows that were left out.")
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    def __str__(self):
        return self.name


class ImportedId(models.Model):
    """An id of a topic that was imported: 128 bits of a hash of it."""

    pk = models.CompositePrimaryKey("topic", "key")
    topic = models.IntegerField()
    key = models.UUIDField()
