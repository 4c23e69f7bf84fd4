"""The errands that ended before the audit chain told how get an entry for each proposal, as they stand."""

from itertools import groupby, islice
from operator import attrgetter

from django.db import migrations
from django.db.models import F
from django.utils import timezone

from pipelines_app.core.chain import encode, link
from pipelines_app.core.errands import describe_end

CHUNK = 500


def append_all(apps, using, found, at):
    """An audit entry for each ``(proposal, data)`` of an iterator, chained as every other."""
    heads = apps.get_model("pipelines_app", "AuditHead").objects.using(using)
    while part := list(islice(found, CHUNK)):
        while not heads.filter(pk=1).update(seq=F("seq") + len(part)):
            heads.create(pk=1)
        head = heads.get(pk=1)
        head.hash = append_part(apps, using, part, head, at)
        head.save()


def append_part(apps, using, part, head, at):
    """Writes entries whose numbers end with that of the head; the hash of the last."""
    entries = apps.get_model("pipelines_app", "AuditEntry").objects.using(using)
    rows, previous = [], head.hash
    for seq, (pipeline, data) in enumerate(part, head.seq - len(part) + 1):
        fields, text = {"seq": seq, "at": at, "actor": "the upgrade", "event": "errands ended"}, encode(data)
        end = link(previous, **fields, pipeline=pipeline, data=text)
        rows.append(
            entries.model(**fields, pipeline_id=pipeline, data_text=text, previous=previous, hash=end)
        )
        previous = end
    entries.bulk_create(rows)
    return previous


def tell_ends(apps, schema_editor):
    """An entry for every proposal of which errands have ended."""
    using, now = schema_editor.connection.alias, timezone.now()
    errands = apps.get_model("pipelines_app", "Errand").objects.using(using)
    # What an attempt left on a row that ended, no end leaves now.
    errands.exclude(done_at=None).exclude(error="").update(error="")
    ended = errands.exclude(done_at=None).order_by("pipeline_id", "pk").iterator(chunk_size=2000)
    found = (
        (pipeline, {"ended": [describe_end(row, row.outcome, row.done_at) for row in rows]})
        for pipeline, rows in groupby(ended, key=attrgetter("pipeline_id"))
    )
    append_all(apps, using, found, now)


class Migration(migrations.Migration):
    dependencies = [("pipelines_app", "0015_fill_audiences")]

    operations = [migrations.RunPython(tell_ends, migrations.RunPython.noop)]
