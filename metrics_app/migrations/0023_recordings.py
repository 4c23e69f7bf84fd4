from django.db import migrations, models
from django.db.models import Min
from django.utils import timezone


def begin(apps, schema_editor):
    """What a site has recorded so far: all since its first generation began, as far as anybody knows."""
    Generation, Recording = (apps.get_model('metrics_app', name) for name in ('Generation', 'Recording'))
    alias = schema_editor.connection.alias
    first = Generation.objects.using(alias).aggregate(first=Min('created_at'))['first']
    if first is not None:
        start, end = (round(at.timestamp() * 1000) for at in (first, timezone.now()))
        Recording.objects.using(alias).create(start=start, end=end)


class Migration(migrations.Migration):

    dependencies = [
        ('metrics_app', '0022_receivers_that_are_down'),
    ]

    operations = [
        migrations.CreateModel(
            name='Recording',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('start', models.BigIntegerField(help_text='ms', unique=True)),
                ('end', models.BigIntegerField(help_text='ms; when that was last noted.')),
            ],
        ),
        migrations.RunPython(begin, migrations.RunPython.noop),
    ]
