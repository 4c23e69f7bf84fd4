import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('metrics_app', '0020_losses'),
    ]

    operations = [
        migrations.AddField(
            model_name='notice',
            name='receiver_name',
            field=models.CharField(blank=True, db_default='', default='', editable=False, help_text='of a receiver that was deleted', max_length=100),
        ),
        migrations.AlterField(
            model_name='notice',
            name='receiver',
            field=models.ForeignKey(help_text='null: deleted since', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='notices', to='metrics_app.receiver'),
        ),
    ]
