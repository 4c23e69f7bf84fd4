"""``manage.py collect``: the collector as a process."""

import signal
import threading

from django.core.management.base import BaseCommand, CommandError

from metrics_app import conf
from metrics_app.collector import Collector
from metrics_app.exceptions import MetricsError


class Command(BaseCommand):
    help = "Folds points from the bus into the hot window, until it is told to stop."
    # The app's own: for all others every page would be loaded, which takes as long as the rest of its start.
    requires_system_checks = ["metrics_app"]

    def add_arguments(self, parser):
        parser.add_argument("--shards", help="which shards, such as 0,1 (default: all)")

    def handle(self, *, shards, **options):
        collector = Collector(parse_shards(shards))
        stop = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: stop.set())
        names = ", ".join(str(shard) for shard in collector.shards)
        self.stdout.write(f"Collecting shards {names}")
        try:
            collector.run(stop)
        except MetricsError as error:
            raise CommandError(str(error)) from None


def parse_shards(text):
    """``"0,2"`` as ``[0, 2]``, None (all shards) of nothing; CommandError for what is none."""
    if not text:
        return None
    known = range(conf.get("SHARDS"))
    try:
        shards = sorted({int(part) for part in text.split(",")})
    except ValueError:
        shards = []
    if not shards or not set(shards) <= set(known):
        raise CommandError(f"--shards {text!r}: expected numbers from 0 to {known[-1]}, such as 0,1")
    return shards
