"""`manage.py replay CASES.csv`: real cases, sent as points."""

import math
import time
from collections import Counter

from django.core.management.base import BaseCommand, CommandError

from metrics_app.core.points import check_topic
from metrics_app.core.text.counts import agree, count_words
from metrics_app.exceptions import BadInput, BusUnavailable
from metrics_app.files.cases import Tally, iterate_cases
from metrics_app.management.case_options import add_case_options, read_columns
from metrics_app.management.progress import ProgressBar
from metrics_app.management.strictness import read_strictness, settle
from metrics_app.services.replay import build_events, drop_known, send_events

NAMED = 10


def read_speed(text):
    """A positive number, or None for ``max``."""
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not (0 < speed < math.inf):
        raise CommandError(f"--speed {text}: expected a positive number, or max")
    return speed


class Command(BaseCommand):
    help = (
        "Emits real cases: `created` becomes a point 1 of the received topic, `closed` a point of the "
        "latency topic in seconds. Rows with an id that came before are skipped; what cannot be read, and "
        "answers that cannot be, are named. With a row that cannot be read nothing is sent, unless it may be "
        "left out."
    )

    def add_arguments(self, parser):
        parser.add_argument("cases", help="a CSV file with a header; times are ISO 8601 with an offset")
        parser.add_argument(
            "--times",
            choices=["now", "original"],
            default="now",
            help="stamp each point as it is sent (default), or as it happened",
        )
        parser.add_argument("--speed", default="max", help="times the real pace, or max (default)")
        add_case_options(parser)
        parser.add_argument("--limit", type=int, help="reads this many rows at most")

    def handle(self, **options):
        try:
            self.replay(options)
        except OSError as error:
            raise CommandError(f"{options['cases']} cannot be read: {error.strerror or error}") from None
        except BadInput as error:
            raise CommandError(f"{options['cases']}: {error}") from None

    def replay(self, options):
        """Reads, sends, and says what came of it."""
        speed, original = read_speed(options["speed"]), options["times"] == "original"
        received, latency = check_topic(options["received_topic"]), check_topic(options["latency_topic"])
        columns, tally, most = read_columns(options), Tally(), read_strictness(options)
        if options["limit"] is not None and options["limit"] < 1:
            raise CommandError(f"--limit {options['limit']} reads no row: expected 1 or more")
        latest = time.time_ns() // 1_000_000 if original else None
        how = {"latest": latest, "limit": options["limit"], "encoding": options["encoding"]}
        cases = iterate_cases(options["cases"], columns, tally, **how)
        events = build_events(cases, received=received, latency=latency, split=bool(columns.split))
        try:
            settle(tally, most, self.stdout.write)
        except BadInput as error:
            raise BadInput(f"nothing was sent: {error}") from None
        self.send(events, original, speed)

    def send(self, events, original, speed):
        """Sends the events with a progress bar and sums up."""
        sent = 0
        bar = ProgressBar(self.stderr._out, len(events.ts))

        def note_progress(count):
            nonlocal sent
            sent = count
            bar.show(count)

        begun = time.monotonic()
        try:
            fresh = drop_known(events) if original else events
            bar.total = len(fresh.ts)
            send_events(fresh, original=original, speed=speed, on_progress=note_progress)
        except BusUnavailable as error:
            before = f" {count_words(sent, 'point was', 'points were')} sent before." if sent else ""
            raise CommandError(f"{error.tell_operator()}{before}") from None
        except KeyboardInterrupt:
            raise CommandError(
                f"Stopped. {sent:,} of {count_words(bar.total, 'point')} {agree(sent, 'was', 'were')} sent.",
                returncode=130,
            ) from None
        self.sum_up(fresh, len(events.ts) - len(fresh.ts), time.monotonic() - begun)

    def sum_up(self, events, known, seconds):
        """Says what was sent."""
        if known:
            skipped = count_words(known, "point was", "points were")
            self.stdout.write(f"{skipped} sent by an earlier run, and skipped.")
        counts = Counter(events.topics[place] for place in events.topic.tolist())
        for topic, count in counts.most_common(NAMED):
            self.stdout.write(f"{topic}: {count_words(count, 'point')}")
        if len(counts) > NAMED:
            self.stdout.write(f"… and {count_words(len(counts) - NAMED, 'more topic')}")
        rate = len(events.ts) / max(seconds, 0.001)
        self.stdout.write(
            f"Sent {count_words(len(events.ts), 'point')} in {seconds:.1f} s ({rate:,.0f} a second)."
        )
