from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('metrics_app', '0021_notices_outlive_receivers'),
    ]

    operations = [
        migrations.AddField(
            model_name='receiver',
            name='down_since',
            field=models.DateTimeField(editable=False, help_text='since when no attempt has worked; null: the last one did', null=True),
        ),
        migrations.AddField(
            model_name='receiver',
            name='failures',
            field=models.PositiveIntegerField(db_default=0, default=0, editable=False, help_text='attempts in a row that failed'),
        ),
        migrations.AddField(
            model_name='receiver',
            name='held_until',
            field=models.DateTimeField(editable=False, help_text='a drain works on it; free after that, should the drain die', null=True),
        ),
        migrations.AddField(
            model_name='receiver',
            name='try_after',
            field=models.DateTimeField(editable=False, help_text='not tried before then; null: at once', null=True),
        ),
    ]
