"""The version before this one opens proposals, too, while the tables are those of this one already."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("pipelines_app", "0016_chain_ends")]

    operations = [
        migrations.AlterField(
            model_name="pipeline",
            name="audience",
            field=models.PositiveBigIntegerField(
                db_default=0,
                default=0,
                editable=False,
                help_text="The id of the group it was opened for. 0: everybody.",
            ),
        ),
    ]
