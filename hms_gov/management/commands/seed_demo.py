"""`manage.py seed_demo`: KPIs, the 48-hour threshold, log-ins and keys of the demo."""

import json
from pathlib import Path

from django.conf import settings

from hms_gov.files import write_private
from hms_gov.joins.process import watch_process
from hms_gov.past import DAYS
from hms_gov.seed import WAITING, seed, seed_past
from metrics_app.collector import collect_all
from metrics_app.core.text.counts import count_words
from metrics_app.management.database import DatabaseCommand
from pipelines_app.services import emit_open


class Command(DatabaseCommand):
    help = (
        "Makes what the demo starts with and writes its log-ins and keys to a file that only its owner "
        "can read. The users `admin` and `approver` get new passwords unless that file knows them."
    )

    def add_arguments(self, parser):
        parser.add_argument("--credentials", type=Path, default=settings.DATA_DIR / "credentials.json")
        parser.add_argument(
            "--past",
            action="store_true",
            help=f"also {DAYS} simulated days of complaints, unless any were ever counted",
        )

    def handle(self, *, credentials, past, **options):
        previous = json.loads(credentials.read_text()) if credentials.exists() else {}
        write_private(credentials, json.dumps(seed(previous), indent=2) + "\n")
        self.stdout.write(f"Log-ins and keys are in {credentials}.")
        if past:
            count = seed_past(settings.DATA_DIR / WAITING)
            self.stdout.write(
                f"{DAYS} days of complaints were made up, {count_words(count, 'point')}."
                if count
                else "No past was made up: complaints were counted before."
            )
            # What is counted first is there when its threshold is judged first.
            emit_open()
            collect_all()
            watch_process()
