"""`manage.py backup DIR`: Redis and SQL of one moment, while the site runs."""

from django.core.management.base import BaseCommand, CommandError

from hms_gov import backups
from metrics_app.core.text.counts import count_words


class Command(BaseCommand):
    help = (
        "Writes all that the site knows to a new directory: the database and what Redis holds, as of one "
        "moment, while everything runs. `manage.py restore` fills an empty site with it. Not in it: "
        "SECRET_KEY, settings and secrets of the environment, and what waits in the broker."
    )

    def add_arguments(self, parser):
        parser.add_argument("directory", metavar="DIR", help="new or empty; its owner alone may read it")

    def handle(self, *, directory, **options):
        try:
            found = backups.back_up(directory)
        except backups.NotKept as error:
            raise CommandError(str(error)) from None
        for name in found.strangers:
            self.stdout.write(f"The table {name} belongs to no installed app and is not restored.")
        self.stdout.write(
            f"Backed up to {directory}: {count_words(found.rows, 'row')} and "
            f"{count_words(found.keys, 'key')} of Redis, "
            f"{found.size / 1e6:,.1f} MB, as of {found.moment:%Y-%m-%d %H:%M:%S} UTC. "
            "Keep SECRET_KEY and the settings with it."
        )
