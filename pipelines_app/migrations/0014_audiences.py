"""One proposal of a title is open per audience: until now one that a group kept to itself stood in the way."""

import django.db.models.deletion
from django.db import migrations, models
from django.db.models.functions import Coalesce

OPEN = models.Q(state__in=["awaiting_approval"])


class Migration(migrations.Migration):
    dependencies = [("auth", "0012_alter_user_first_name_max_length"), ("pipelines_app", "0013_chain_repeats")]

    operations = [
        migrations.AddField(
            model_name="pipeline",
            name="reserved_for",
            field=models.ForeignKey(
                blank=True,
                editable=False,
                help_text="The group that its proposer named. Empty: whoever sees its KPI reads it.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="auth.group",
            ),
        ),
        migrations.AddField(
            model_name="pipeline",
            name="audience",
            field=models.PositiveBigIntegerField(
                default=0,
                editable=False,
                help_text="The id of the group it was opened for. 0: everybody.",
            ),
        ),
        migrations.AlterField(
            model_name="pipeline",
            name="origin",
            field=models.CharField(blank=True, db_index=True, max_length=100, null=True),
        ),
        migrations.RemoveConstraint(model_name="pipeline", name="one_open_pipeline_per_title_and_topic"),
        migrations.AddConstraint(
            model_name="pipeline",
            constraint=models.UniqueConstraint(
                "title",
                "topic",
                "audience",
                Coalesce("reserved_for", 0),
                condition=OPEN,
                name="one_open_pipeline_per_audience",
            ),
        ),
    ]
