"""`manage.py demo`: everything at once, on this machine, for a look."""

import os
from pathlib import Path

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from hms_gov.demo import Demo
from hms_gov.embedded import NoRedis
from hms_gov.service import CannotRun


class Command(BaseCommand):
    help = "Runs Redis, web server, collector, workers and simulated complaints, until Ctrl-C."
    # The database is made only later, in the data directory.
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--port", type=int, default=8000, help="0 takes a free one")
        parser.add_argument("--data-dir", type=Path, default=settings.DATA_DIR)
        parser.add_argument("--no-traffic", action="store_true", help="no simulated complaints")

    def handle(self, *, port, data_dir, no_traffic, **options):
        # Its database, Redis data and logs are its owner's: every process it starts inherits this.
        os.umask(0o077)
        warn = self.stderr.write
        try:
            Demo(port=port, directory=data_dir, traffic=not no_traffic, say=self.say, warn=warn).run()
        except (CannotRun, NoRedis) as error:
            raise CommandError(str(error)) from None

    def say(self, text):
        """Tells it at once: in a file it would else be read only after the end."""
        self.stdout.write(text)
        self.stdout.flush()
