"""The repeats that were noted before the audit chain told of them get an entry with what is known of them."""

from datetime import UTC

from django.db import migrations
from django.db.models import F, Q
from django.utils import timezone

from pipelines_app.core.chain import encode, link


def append(apps, using, pipeline, data, at):
    """One audit entry, chained as every other."""
    heads = apps.get_model("pipelines_app", "AuditHead").objects.using(using)
    while not heads.filter(pk=1).update(seq=F("seq") + 1):
        heads.create(pk=1)
    head, text = heads.get(pk=1), encode(data)
    fields = {"seq": head.seq, "at": at, "actor": "the upgrade", "event": "noted"}
    end = link(head.hash, **fields, pipeline=pipeline.pk, data=text)
    entries = apps.get_model("pipelines_app", "AuditEntry").objects.using(using)
    entries.create(**fields, pipeline=pipeline, data_text=text, previous=head.hash, hash=end)
    heads.filter(pk=1).update(hash=end)


def tell_repeats(apps, schema_editor):
    """An entry for every proposal that was proposed again, or came back after a rejection."""
    using, now = schema_editor.connection.alias, timezone.now()
    pipelines = apps.get_model("pipelines_app", "Pipeline").objects.using(using)
    touched = Q(noted__gt=0) | Q(latest_at__isnull=False)
    for pipeline in pipelines.filter(touched).order_by("pk").iterator(chunk_size=500):
        at = pipeline.latest_at and pipeline.latest_at.astimezone(UTC).isoformat()
        data = {"noted": pipeline.noted, "latest_kpi": pipeline.latest_kpi, "latest_at": at}
        append(apps, using, pipeline, data | {"origin": pipeline.latest_origin}, now)


class Migration(migrations.Migration):
    dependencies = [("pipelines_app", "0012_guardrails")]

    operations = [migrations.RunPython(tell_repeats, migrations.RunPython.noop)]
