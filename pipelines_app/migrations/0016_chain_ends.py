"""The errands that ended before the audit chain told how get an entry for each proposal, as they stand."""

from itertools import groupby
from operator import attrgetter

from django.db import migrations
from django.db.models import F
from django.utils import timezone

from pipelines_app.core.chain import encode, link
from pipelines_app.core.errands import describe_end


def append(apps, using, pipeline, data, at):
    """One audit entry, chained as every other."""
    heads = apps.get_model("pipelines_app", "AuditHead").objects.using(using)
    while not heads.filter(pk=1).update(seq=F("seq") + 1):
        heads.create(pk=1)
    head, text = heads.get(pk=1), encode(data)
    fields = {"seq": head.seq, "at": at, "actor": "the upgrade", "event": "errands ended"}
    end = link(head.hash, **fields, pipeline=pipeline, data=text)
    entries = apps.get_model("pipelines_app", "AuditEntry").objects.using(using)
    entries.create(**fields, pipeline_id=pipeline, data_text=text, previous=head.hash, hash=end)
    heads.filter(pk=1).update(hash=end)


def tell_ends(apps, schema_editor):
    """An entry for every proposal of which errands have ended."""
    using, now = schema_editor.connection.alias, timezone.now()
    errands = apps.get_model("pipelines_app", "Errand").objects.using(using)
    # What an attempt left on a row that ended, no end leaves now.
    errands.exclude(done_at=None).exclude(error="").update(error="")
    ended = errands.exclude(done_at=None).order_by("pipeline_id", "pk").iterator(chunk_size=2000)
    for pipeline, rows in groupby(ended, key=attrgetter("pipeline_id")):
        ends = [describe_end(row, row.outcome, row.done_at) for row in rows]
        append(apps, using, pipeline, {"ended": ends}, now)


class Migration(migrations.Migration):
    dependencies = [("pipelines_app", "0015_fill_audiences")]

    operations = [migrations.RunPython(tell_ends, migrations.RunPython.noop)]
