"""`manage.py simulate_traffic`: believable complaints, until it is stopped."""

import signal
import time

import numpy as np
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from hms_gov.seed import WAITING
from hms_gov.traffic import PER_HOUR, Complaints, read_waiting
from metrics_app import emit, queries
from metrics_app.core.durations import HOUR_S

STEP = 0.5  # seconds
STEP_BEFORE = 10  # seconds, in the hour before the start
LATELY = 2 * HOUR_S  # a seeded past that ended within this is gone on with
MOST = 10_000  # complaints an hour; the month before the start is drawn first


class Command(BaseCommand):
    help = "Emits complaints received and answered as a city would see them, until Ctrl-C."

    def add_arguments(self, parser):
        parser.add_argument(
            "--per-hour", type=float, default=PER_HOUR, help=f"complaints at noon (default {PER_HOUR})"
        )

    def handle(self, *, per_hour, **options):
        if not 0 < per_hour <= MOST:
            raise CommandError(f"--per-hour {per_hour:g}: expected a number above 0, at most {MOST:,}")
        # Also where the shell that started it in the background has made it deaf to Ctrl-C.
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.default_int_handler)
        try:
            self.simulate(per_hour)
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")

    def simulate(self, per_hour):
        """Emits for ever; the hour before, too, where no complaint was ever counted live."""
        begin, known = time.time(), read_waiting(settings.DATA_DIR / WAITING)
        is_new = queries.get_head("complaint.received") is None
        start = find_start(begin, known) if is_new else begin
        complaints = Complaints(start, rng=np.random.default_rng(), per_hour=per_hour, known=known)
        if is_new:
            live_through(complaints, begin)
        while True:
            # After a pause of the machine the missed time is left out, not sent at once.
            complaints.now = max(complaints.now, time.time() - 60)
            for topic, value in complaints.advance(time.time()):
                emit(topic, value)
            time.sleep(STEP)


def find_start(begin, known):
    """Where a simulation that is new at ``begin`` begins: where a seeded past ended, or an hour before."""
    moment = known[0] if known else 0
    return moment if begin - LATELY < moment <= begin else begin - HOUR_S


def live_through(complaints, until):
    """Emits what comes before ``until`` with its own times: a newcomer sees a day's work, not a dot."""
    while complaints.now + STEP_BEFORE < until:
        moment = complaints.now + STEP_BEFORE
        for topic, value in complaints.advance(moment):
            emit(topic, value, ts=int(moment * 1000))
