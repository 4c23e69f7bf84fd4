"""An open breach has the severity of its rule, also where that was edited while it fired."""

from django.db import migrations
from django.db.models import F, OuterRef, Subquery


def follow_rules(apps, schema_editor):
    """Takes the present severity over."""
    breaches = apps.get_model("metrics_app", "Breach").objects.using(schema_editor.connection.alias)
    rules = apps.get_model("metrics_app", "Threshold").objects.filter(pk=OuterRef("threshold"))
    differing = breaches.filter(recovered_at=None).exclude(severity=F("threshold__severity"))
    differing.update(severity=Subquery(rules.values("severity")[:1]))


class Migration(migrations.Migration):

    dependencies = [
        ('metrics_app', '0024_what_can_be_compared'),
    ]

    operations = [
        migrations.RunPython(follow_rules, migrations.RunPython.noop, elidable=True),
    ]
