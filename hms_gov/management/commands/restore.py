"""`manage.py restore DIR`: an empty site becomes what a backup holds."""

from django.core.management.base import BaseCommand, CommandError

from hms_gov import backups
from metrics_app.core.text.counts import count_words


class Command(BaseCommand):
    help = (
        "Fills an empty database and an empty Redis with what a backup holds: all of it, or nothing. Start "
        "the site afterwards; actions are stopped until somebody has looked at them and says "
        "`manage.py stop_actions --resume`."
    )
    requires_migrations_checks = False

    def add_arguments(self, parser):
        parser.add_argument("directory", metavar="DIR", help="as `manage.py backup` wrote it")

    def handle(self, *, directory, **options):
        try:
            found = backups.restore(directory)
        except backups.NotKept as error:
            raise CommandError(str(error)) from None
        except KeyboardInterrupt:
            raise CommandError("Stopped: nothing was restored.", returncode=130) from None
        self.stdout.write(
            f"Restored {count_words(found.rows, 'row')} and {count_words(found.keys, 'key')} "
            f"as of {found.moment:%Y-%m-%d %H:%M:%S} UTC. Start the site. Actions are stopped: look at "
            "what is approved or under way, withdraw what was done after that moment, then "
            "`manage.py stop_actions --resume --reason …`."
        )
