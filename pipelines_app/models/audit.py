"""The audit chain: what happened, each entry held by the hash of the next."""

import json

from django.db import models
from django.db.models import OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.utils.functional import cached_property

from pipelines_app.core.chain import GENESIS, digest, write_hashed
from pipelines_app.core.errands import SETTLED
from pipelines_app.core.versions import NOTED
from pipelines_app.models.pipelines import Pipeline


class AuditHead(models.Model):
    """The end of the chain: one row, whose lock puts all writers in one line."""

    seq = models.BigIntegerField(default=0)
    hash = models.CharField(max_length=64, default=GENESIS)


class AppendOnly(models.QuerySet):
    """Rows that are history: added, read, never changed."""

    def checked(self):
        """Entries that also know what the one behind each says of it, so that ``is_intact`` finds more."""
        following = self.model.objects.filter(seq=OuterRef("seq") + 1).values("previous")[:1]
        end = AuditHead.objects.filter(pk=1).values("hash")[:1]
        return self.annotate(held_by=Coalesce(Subquery(following), Subquery(end)))

    def only_moves(self):
        """Entries that moved something: neither repeats nor ends of errands change state or votes."""
        return self.exclude(event__in=(NOTED, SETTLED))

    def update(self, **values):
        """Refused."""
        raise TypeError("audit entries are never changed")

    def delete(self):
        """Refused."""
        raise TypeError("audit entries are never deleted")


class AuditEntry(models.Model):
    """One thing that happened; each entry's hash takes in the one before it."""

    seq = models.BigIntegerField(unique=True, help_text="1, 2, 3 … without a gap.")
    at = models.DateTimeField()
    actor = models.CharField(max_length=150)
    event = models.CharField(max_length=30)
    pipeline = models.ForeignKey(
        Pipeline,
        null=True,
        on_delete=models.PROTECT,
        related_name="audit",
        help_text="Empty for what concerns no single proposal.",
    )
    data_text = models.TextField(default="{}", help_text="JSON.")
    previous = models.CharField(max_length=64)
    hash = models.CharField(max_length=64)

    objects = AppendOnly.as_manager()

    class Meta:
        ordering = ["seq"]
        verbose_name_plural = "audit entries"

    def __str__(self):
        return f"{self.seq}: {self.event} by {self.actor}"

    @cached_property
    def is_intact(self):
        """Whether it is what was hashed and, of ``checked`` ones, what the next one took in."""
        return self.compute_hash() == self.hash == getattr(self, "held_by", self.hash)

    @cached_property
    def data(self):
        """The details of the event, for whoever shows them: of an entry that was edited, none."""
        return self.read_data() if self.is_intact else {}

    def read_data(self):
        """The details as they are stored, edited or not; empty where somebody broke the text."""
        try:
            data = json.loads(self.data_text)
        except ValueError:
            return {}
        return data if isinstance(data, dict) else {}

    def compute_hash(self):
        """The hash that this entry must carry."""
        return digest(self.write_hashed())

    def write_hashed(self):
        """The text that its hash is of."""
        return write_hashed(
            self.previous,
            seq=self.seq,
            at=self.at,
            actor=self.actor,
            event=self.event,
            pipeline=self.pipeline_id,
            data=self.data_text,
        )

    def save(self, *args, **kwargs):
        """Adds the entry; TypeError for one that is already stored."""
        if not self._state.adding:
            raise TypeError("audit entries are never changed")
        super().save(*args, **kwargs)

    def delete(self, *args, **kwargs):
        """Refused."""
        raise TypeError("audit entries are never deleted")
