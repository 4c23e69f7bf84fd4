"""`manage.py simulate_traffic`: believable complaints, until it is stopped."""

import time

import numpy as np
from django.core.management.base import BaseCommand, CommandError

from hms_gov.traffic import PER_HOUR, Complaints
from metrics_app import emit

STEP = 0.5  # seconds
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
        complaints = Complaints(time.time(), rng=np.random.default_rng(), per_hour=per_hour)
        try:
            while True:
                # After a pause of the machine the missed time is left out, not sent at once.
                complaints.now = max(complaints.now, time.time() - 60)
                for topic, value in complaints.advance(time.time()):
                    emit(topic, value)
                time.sleep(STEP)
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")
