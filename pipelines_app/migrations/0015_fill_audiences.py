"""For whom existing proposals were opened: as the audit chain tells it, else as they are read now.

A migration of its own: PostgreSQL alters no table whose rows were written in the same transaction.
"""

import json
from collections import defaultdict

from django.db import migrations
from django.db.models import Count, F, Q

CHUNK = 500


def fill(apps, schema_editor):
    """Writes both columns, where they are not what they begin with."""
    using = schema_editor.connection.alias
    pipelines = apps.get_model("pipelines_app", "Pipeline").objects.using(using)
    entries = apps.get_model("pipelines_app", "AuditEntry").objects.using(using).filter(event="proposed")
    told = read_groups(entries.exclude(pipeline=None).values_list("pipeline", "data_text"))
    ids = defaultdict(list)
    for pk, group in pipelines.order_by("pk").values_list("pk", "restricted_to").iterator(chunk_size=CHUNK):
        ids[told.get(pk, group) or 0].append(pk)
    ids.pop(0, None)
    for group, found in ids.items():
        for start in range(0, len(found), CHUNK):
            pipelines.filter(pk__in=found[start : start + CHUNK]).update(audience=group)
    reserve(pipelines)


def read_groups(rows):
    """``{proposal: group or None}`` of the entries that say it; whoever edited one may have written anything."""
    found = {}
    for pk, text in rows.iterator(chunk_size=CHUNK):
        try:
            found[pk] = json.loads(text)["restricted_to"]
        except (ValueError, KeyError, TypeError):
            continue
    return {pk: group for pk, group in found.items() if group is None or is_id(group)}


def is_id(value):
    """Whether a column of ids holds it."""
    return type(value) is int and 0 < value < 2**63


def reserve(pipelines):
    """Keeps for its group what no restriction of a KPI can have given it.

    A restriction moves all proposals of a topic: where they have several readers it is not restricted.
    """
    counts = (
        pipelines.order_by()
        .values("topic")
        .annotate(
            groups=Count("restricted_to", distinct=True), open=Count("pk", filter=Q(restricted_to=None))
        )
    )
    several = [row["topic"] for row in counts if row["groups"] + bool(row["open"]) > 1 or not row["topic"]]
    rows = pipelines.filter(restricted_to__isnull=False)
    for start in range(0, len(several), CHUNK):
        rows.filter(topic__in=several[start : start + CHUNK]).update(reserved_for=F("restricted_to"))


class Migration(migrations.Migration):
    dependencies = [("pipelines_app", "0014_audiences")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
