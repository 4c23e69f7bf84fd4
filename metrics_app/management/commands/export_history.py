"""`manage.py export_history TOPIC…`: history as a file."""

import sys
import time
from contextlib import contextmanager
from pathlib import Path

from django.core.management.base import CommandError

from metrics_app import queries
from metrics_app.core.calendars import CALENDARS
from metrics_app.core.moments import parse_moment
from metrics_app.core.text.counts import count_words
from metrics_app.exceptions import BadInput, BusUnavailable
from metrics_app.files.exports import export
from metrics_app.files.writers import FORMATS
from metrics_app.management.database import DatabaseCommand
from metrics_app.management.progress import ProgressBar
from metrics_app.queries.exports import find_complete, find_span, find_topics, plan_calendar, plan_steps
from metrics_app.queries.history import CORRECTED, PUBLISHED


class Command(DatabaseCommand):
    help = (
        "Writes the history of topics to a file, a row per topic and hour (or --by, or --step): the columns "
        "of GET /api/v1/kpis/{topic}/export/, without its limits. Progress goes to standard error."
    )

    def add_arguments(self, parser):
        parser.add_argument("topics", nargs="+", metavar="TOPIC", help="topics, or patterns such as 'er.*'")
        parser.add_argument(
            "--format", choices=list(FORMATS), help="default: as --output ends; csv without an ending"
        )
        parser.add_argument("--output", default="-", help="a file; '-' (default) is standard output")
        grain = parser.add_mutually_exclusive_group()
        grain.add_argument("--by", choices=CALENDARS, help="local buckets; default: hour")
        grain.add_argument("--step", type=int, help="seconds of a row: 60 is every minute")
        parser.add_argument("--zone", default="UTC", help="of the local times, such as Europe/Berlin")
        parser.add_argument("--start", help="ms, ISO 8601, or -86400; default: the first point")
        parser.add_argument("--end", help="default: the end of the last bucket that is over")
        parser.add_argument("--as", dest="view", choices=[CORRECTED, PUBLISHED], default=CORRECTED)

    def handle(self, **options):
        try:
            self.run(options)
        except OSError as error:
            raise CommandError(f"{options['output']} cannot be written: {error.strerror or error}") from None
        except BadInput as error:
            raise CommandError(str(error)) from None
        except BusUnavailable as error:
            raise CommandError(f"{error.tell_operator()} {tell_rest(options['output'])}") from None
        except KeyboardInterrupt:
            raise CommandError(f"Stopped. {tell_rest(options['output'])}", returncode=130) from None

    def run(self, options):
        """Plans, writes, and says what came of it."""
        begun, output = time.monotonic(), options["output"]
        kind = options["format"] or find_format(output)
        topics = find_topics(options["topics"])
        plans = [(topic, plan) for topic in topics if (plan := make_plan(topic, options))]
        rows = sum(plan.rows for _, plan in plans)
        bar = ProgressBar(self.stderr._out, rows, unit="rows")
        _, pieces = export(plans, kind, on_rows=bar.show)
        with open_output(output) as write:
            size = sum(write(piece) for piece in pieces)
        seconds = time.monotonic() - begun
        self.stderr.write(
            f"{count_words(rows, 'row')} of {count_words(len(plans), 'topic')} written as {kind}, "
            f"{count_words(size, 'byte')} in {seconds:.1f} s.",
            self.style.SUCCESS,
        )


def find_format(output):
    """The format that a file's ending names, csv where it has none; BadInput."""
    suffix = Path(output).suffix.removeprefix(".").lower()
    if suffix and suffix not in FORMATS:
        known = ", ".join(f".{name}" for name in FORMATS)
        message = f"{output!r:.200}: no format ends in .{suffix}: expected {known}, or give --format"
        raise BadInput(message, field="output")
    return suffix or "csv"


def tell_rest(output):
    """What is left where an export ends early."""
    return "What was written is not whole." if output == "-" else "Nothing was written."


def make_plan(topic, options):
    """What to export of a topic; None for a topic without a bucket that is over. BadInput."""
    now, step, zone = queries.redis_now(), (options["step"] or 0) * 1000, options["zone"]
    by = None if options["step"] is not None else options["by"] or "hour"
    if by is None:
        plan_steps(0, 0, step, zone=zone)  # a bad step is refused before anything is aligned to it
    end = find_complete(now, step=step, calendar=by, zone=zone)
    if options["end"]:
        end = parse_moment(options["end"], now=now, field="end")
    if options["start"]:
        start = parse_moment(options["start"], now=now, field="start")
        if start >= end:
            raise BadInput(f"the start ({start}) is not before the end ({end})", field="start")
    else:
        span = find_span(topic)
        start = span[0] if span else end
    if start >= end:
        return None
    known = {"zone": zone, "view": options["view"]}
    return plan_steps(start, end, step, **known) if step else plan_calendar(start, end, by, **known)


@contextmanager
def open_output(name):
    """``write(bytes)`` to standard output, or to a file that appears once it is whole."""
    if name == "-":
        yield sys.stdout.buffer.write
        sys.stdout.buffer.flush()
        return
    whole, part = Path(name), Path(f"{name}.part")
    try:
        with part.open("wb") as file:
            yield file.write
        part.replace(whole)
    finally:
        part.unlink(missing_ok=True)
