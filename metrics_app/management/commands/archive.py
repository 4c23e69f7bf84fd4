"""``manage.py archive``: what waits in Redis goes to SQL, once or as long as it runs."""

import threading

from django.core.management.base import CommandError

from metrics_app.core.text.counts import count_words
from metrics_app.exceptions import BusUnavailable
from metrics_app.management.database import DatabaseCommand
from metrics_app.services.archive import archive


class Command(DatabaseCommand):
    help = "Writes dirty minutes and late points to the history, until nothing waits."

    def add_arguments(self, parser):
        parser.add_argument("--every", type=float, help="Seconds between two runs. Default: run once.")

    def handle(self, *args, every=None, **options):
        stop = threading.Event()
        while not stop.is_set():
            try:
                found = archive(patience=float("inf"))
            except BusUnavailable as error:
                raise CommandError(error.tell_operator()) from None
            late = count_words(found.late, "late point")
            self.stdout.write(f"Archived {count_words(found.minutes, 'minute')} and {late}.")
            self.stdout.flush()
            if every is None:
                return
            stop.wait(every)
