"""The proposals that there are get the text of their present version, and its hash in the audit chain."""

from datetime import UTC

from django.db import migrations
from django.db.models import F
from django.utils import timezone

from pipelines_app.core.chain import digest, encode, link

REPEATED = (
    "version",
    "title",
    "topic",
    "severity",
    "suggestion",
    "action",
    "action_params",
    "quorum",
    "proposer_id",
    "proposer_name",
    "changed_by_id",
    "evidence_sha256",
)


def write_text(pipeline):
    """The text of a proposal's present version, from its columns."""
    columns = {name: getattr(pipeline, name) for name in REPEATED}
    times = {name: getattr(pipeline, name).astimezone(UTC).isoformat() for name in ("created_at", "due_at")}
    return encode(columns | times | {"origin": pipeline.origin or ""})


def append(apps, using, pipeline, data, at):
    """One audit entry, chained as every other."""
    heads = apps.get_model("pipelines_app", "AuditHead").objects.using(using)
    while not heads.filter(pk=1).update(seq=F("seq") + 1):
        heads.create(pk=1)
    head, text = heads.get(pk=1), encode(data)
    fields = {"seq": head.seq, "at": at, "actor": "the upgrade", "event": "frozen"}
    end = link(head.hash, **fields, pipeline=pipeline.pk, data=text)
    entries = apps.get_model("pipelines_app", "AuditEntry").objects.using(using)
    entries.create(**fields, pipeline=pipeline, data_text=text, previous=head.hash, hash=end)
    heads.filter(pk=1).update(hash=end)


def freeze_all(apps, schema_editor):
    """A version row and an audit entry for every proposal; earlier versions of it have left no text."""
    using, now = schema_editor.connection.alias, timezone.now()
    versions = apps.get_model("pipelines_app", "Version").objects.using(using)
    pipelines = apps.get_model("pipelines_app", "Pipeline").objects.using(using)
    for pipeline in pipelines.order_by("pk").iterator(chunk_size=500):
        text = write_text(pipeline)
        number, sha256 = pipeline.version, digest(text)
        versions.create(pipeline=pipeline, number=number, text=text, sha256=sha256, created_at=now)
        append(apps, using, pipeline, {"version": number, "version_sha256": sha256}, now)


class Migration(migrations.Migration):
    dependencies = [("pipelines_app", "0003_versions")]

    operations = [migrations.RunPython(freeze_all, migrations.RunPython.noop)]
