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
        ("metrics_app", "0012_notices"),
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
        migrations.AlterField(
            model_name="threshold",
            name="aggregate",
            field=models.CharField(choices=[("mean", "mean"), ("count", "count"), ("sum", "sum"), ("min", "minimum"), ("max", "maximum"), ("p50", "median"), ("p90", "90th percentile"), ("p95", "95th percentile"), ("p99", "99th percentile"), ("rate_per_hour", "rate per hour"), ("share_above", "share above a value"), ("share_within", "share up to a value"), ("mean_change_day", "change of the mean against a day before"), ("mean_change_week", "change of the mean against a week before"), ("rate_change_day", "change of the rate against a day before"), ("rate_change_week", "change of the rate against a week before"), ("time_until_above", "time until it is above a value, by trend"), ("time_until_below", "time until it is below a value, by trend")], default="mean", max_length=20),
        ),
        migrations.AlterField(
            model_name="threshold",
            name="aggregate_value",
            field=models.FloatField(blank=True, help_text="For a share the value it divides at, for a trend the one it leads to; in the KPI's unit.", null=True),
        ),
    ]
