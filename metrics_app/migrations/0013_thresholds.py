from django.conf import settings
from django.db import migrations, models

from metrics_app.core.rule_files import make_key


def choose_keys(apps, schema_editor):
    """Gives every threshold the name that files call it by."""
    Threshold = apps.get_model("metrics_app", "Threshold")
    taken, rows = {}, []
    for threshold in Threshold.objects.filter(kind="limit", key="").order_by("pk"):
        keys = taken.setdefault(threshold.kpi_id, set())
        threshold.key = make_key(threshold.name, threshold.aggregate, threshold.window, keys)
        keys.add(threshold.key)
        rows.append(threshold)
    Threshold.objects.bulk_update(rows, ["key"], batch_size=500)


class Migration(migrations.Migration):

    dependencies = [
        ("metrics_app", "0011_partner_limits"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddField(
            model_name="threshold",
            name="key",
            field=models.CharField(blank=True, default="", editable=False, help_text="Its name in files, apart within its KPI.", max_length=100),
            preserve_default=False,
        ),
        migrations.RunPython(choose_keys, migrations.RunPython.noop),
        migrations.AddConstraint(
            model_name="threshold",
            constraint=models.UniqueConstraint(condition=models.Q(("key", ""), _negated=True), fields=("kpi", "key"), name="one_threshold_per_key"),
        ),
    ]
