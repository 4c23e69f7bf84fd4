"""One point from a shell: ``manage.py emit complaint.latency 1560``."""

import re
import uuid

from django.core.management.base import BaseCommand, CommandError

from metrics_app.client import find_transport
from metrics_app.exceptions import BusUnavailable, MetricsError
from metrics_app.services.record import check_rows, record_rows
from metrics_app.transport import Refused, Unreachable

MILLISECONDS = re.compile("[0-9]{1,20}$")


class Command(BaseCommand):
    help = "Sends one point: over HTTP where HMS_URL is set, else straight to the project's bus."

    def add_arguments(self, parser):
        """Topic, value and time."""
        parser.add_argument("topic", help="such as complaint.latency")
        parser.add_argument("value", nargs="?", type=float, default=1, help="a number (default: 1)")
        parser.add_argument("--ts", help="ms since the epoch, or ISO 8601 with an offset (default: now)")

    def handle(self, *, topic, value, ts, **options):
        """Returns once the point was taken; says in one line why it was not."""
        if ts is not None and MILLISECONDS.match(ts):
            ts = int(ts)
        transport = find_transport() or record_rows
        try:
            transport(check_rows([(topic, value, ts)]), uuid.uuid4().hex)
        except BusUnavailable as error:
            raise CommandError(error.tell_operator()) from error
        except (MetricsError, Refused, Unreachable) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{topic} {value:g}")
