"""`manage.py run`: everything a site needs on one machine, under one supervisor."""

import os
from importlib import import_module

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from hms_gov.embedded import NoRedis
from hms_gov.service import CannotRun, Service


class Command(BaseCommand):
    help = (
        "Runs web server, collector, workers and scheduler until it is told to stop, and a private Redis "
        "where REDIS_URL names none. HUP takes up the installed version, without a refused request."
    )
    # Parts wait for a database that comes later; `manage.py check` says what is wrong with the settings.
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000, help="0 takes a free one")
        parser.add_argument("--web", type=int, default=1, help="how many web servers")
        parser.add_argument("--threads", type=int, default=2, help="how many slow tasks at once")
        parser.add_argument("--check", action="store_true", help="only see whether everything can be loaded")

    def handle(self, *, host, port, web, threads, check, **options):
        for name, count in (("--web", web), ("--threads", threads)):
            if count < 1:
                raise CommandError(f"{name} {count}: expected a number of at least 1")
        if check:
            # Takes seconds, which all other commands are spared.
            import_module("hms_gov.parts")
            return
        # Private Redis, database and secret key are their owner's.
        os.umask(0o077)
        say, directory = self.say, settings.DATA_DIR
        try:
            Service(
                host=host, port=port, directory=directory, web=web, threads=threads, say=say, warn=say
            ).run()
        except (CannotRun, NoRedis) as error:
            raise CommandError(str(error)) from None

    def say(self, text):
        """Tells it at once, as a line of its own among those of the parts."""
        lines = str(text).splitlines()
        self.stdout.write("\n".join(f"{'run':<8} | {line}" for line in lines))
        self.stdout.flush()
