"""One point from a shell: ``manage.py emit complaint.latency 1560``."""

import re
import time
import uuid

from django.core.management.base import CommandError

from metrics_app.client import FAR
from metrics_app.core.points import check_topic, check_ts, check_value
from metrics_app.delivery import find_transport
from metrics_app.exceptions import BusUnavailable, MetricsError
from metrics_app.management.database import DatabaseCommand
from metrics_app.outgoing import pack, read_ticks
from metrics_app.services.record import record_rows
from metrics_app.transport import Refused, Unreachable

MILLISECONDS = re.compile("[0-9]{1,20}$")


class Command(DatabaseCommand):
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
            [batch] = pack([(check_topic(topic), check_value(value), read_moment(ts))])
            transport(batch, uuid.uuid4().hex)
        except BusUnavailable as error:
            raise CommandError(error.tell_operator()) from error
        except (MetricsError, Refused, Unreachable) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{topic} {value:g}")


def read_moment(ts):
    """A given time in ms, else the stamp of now; BadInput. Whether it is too far ahead the server says."""
    return -read_ticks() if ts is None else check_ts(ts, now=time.time_ns() // 1_000_000, max_future=FAR)
