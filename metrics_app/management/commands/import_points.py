"""`manage.py import_points FILE`: a table of old points, into history."""

import time
from pathlib import Path

from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError

from metrics_app import conf
from metrics_app.core.faults import explain_closed
from metrics_app.core.points import check_topic
from metrics_app.core.rows import Columns
from metrics_app.core.text.counts import count_words
from metrics_app.exceptions import BadInput, BusUnavailable
from metrics_app.files.left_out import LeftOut, check_share
from metrics_app.files.tables import digest_file, has_ids, read_blocks
from metrics_app.management.database import DatabaseCommand, is_unmigrated
from metrics_app.management.progress import ProgressBar
from metrics_app.management.strictness import add_strictness, read_strictness
from metrics_app.services.imports import begin_import, run_import


class Command(DatabaseCommand):
    help = (
        "Brings a table of points (CSV with a header, or Parquet) into history: columns topic, ts "
        "(milliseconds, or ISO 8601 with an offset), value, and id where there is one. A file is checked "
        "first; with a bad row nothing is imported, unless it may be left out. Killed, it goes on where it "
        "was; an id counts once, and without ids a topic, time and value as often as they stand in one file."
    )

    def add_arguments(self, parser):
        parser.add_argument("file", help="CSV or Parquet")
        parser.add_argument("--topic", default="", help="the topic of every row, in place of a column")
        parser.add_argument("--topic-column", default="topic")
        parser.add_argument("--ts-column", default="ts")
        parser.add_argument("--value-column", default="value", help="'' for points without one: each is 1")
        parser.add_argument(
            "--id-column", help="default: id, where there is one; '' where the rows have none"
        )
        parser.add_argument("--encoding", default="", help="of a CSV file; default: utf-8")
        add_strictness(parser)
        parser.add_argument("--check", action="store_true", help="checks the file and imports nothing")

    def handle(self, **options):
        try:
            self.bring(options)
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror or error}") from None
        except BadInput as error:
            raise CommandError(f"{options['file']}: {error}") from None
        except BusUnavailable as error:
            raise CommandError(
                f"{error.tell_operator()} Run the command again: it goes on where it was."
            ) from None
        except (OperationalError, InterfaceError) as error:
            if is_unmigrated(error):
                raise
            reason = explain_closed(error) or f"The database does not answer: {error}."
            raise CommandError(f"{reason} Run the command again then: it goes on where it was.") from None
        except KeyboardInterrupt:
            raise CommandError(
                "Stopped. Run the command again: it goes on where it was.", returncode=130
            ) from None

    def bring(self, options):
        """Checks, imports, and says what came of it."""
        fixed = check_topic(options["topic"]) if options["topic"] else ""
        names = [options[f"{field}_column"] for field in ("topic", "ts", "value")]
        named = options["id_column"]
        columns = Columns(*names, "id" if named is None else named, fixed, named is not None)
        path, most = options["file"], read_strictness(options)
        begun = time.monotonic()
        how = {
            "now": time.time_ns() // 1_000_000,
            "max_future": conf.get("MAX_FUTURE"),
            "encoding": options["encoding"],
        }
        rows, bad = self.check_file(path, columns, how)
        self.check_rows(rows, bad, most)
        checked, found = count_words(rows, "row"), count_words(bad, "bad one")
        self.stdout.write(f"{checked} checked in {time.monotonic() - begun:.1f} s, {found}.")
        if not options["check"]:
            self.write(path, columns, how, rows)

    def check_file(self, path, columns, how):
        """``(rows, bad rows)`` of a file read in some way; the first bad ones are named."""
        rows, bad = 0, LeftOut()
        for block in read_blocks(path, columns, **how):
            rows = block.stop
            for fault in block.faults:
                bad.add(fault.line, f"{fault.field} {fault.value}: {fault.message}")
        for line in bad.tell():
            self.stdout.write(line)
        return rows, bad.count

    def check_rows(self, rows, bad, most):
        """CommandError where more than ``most`` per cent of the rows, or all, are bad."""
        try:
            check_share(rows, bad, most)
        except BadInput as error:
            raise CommandError(f"Nothing was imported: {error}.") from None

    def write(self, path, columns, how, rows):
        """Imports with a progress bar and sums up."""
        job = begin_import(digest_file(path, columns, encoding=how["encoding"]), Path(path).name)
        if job.finished_at:
            self.stdout.write(
                f"Nothing to do: this very file was imported at {job.finished_at:%Y-%m-%d %H:%M} UTC."
            )
            return
        before = job.added
        if job.position:
            self.stdout.write(f"Going on behind row {job.position:,}.")
        bar, begun = ProgressBar(self.stderr._out, rows, unit="rows", base=job.position), time.monotonic()
        blocks = read_blocks(path, columns, **how, skip=job.position)
        job = run_import(job, blocks, on_progress=bar.show)
        seconds = time.monotonic() - begun
        if job.known:
            self.stdout.write(tell_known(job.known, has_ids(path, columns, how["encoding"])))
        rate = (job.added - before) / max(seconds, 0.001)
        imported, of = count_words(job.added, "point"), count_words(rows, "row")
        self.stdout.write(f"Imported {imported} of {of} in {seconds:.1f} s ({rate:,.0f} a second).")


def tell_known(known, by_id):
    """Why so many points were skipped, and what to do where they are others."""
    skipped = f"{count_words(known, 'point was', 'points were')} skipped"
    if by_id:
        return f"{skipped}: the id had come before."
    return (
        f"{skipped}: as many of the same time and value had come before. "
        "Where these are others, give rows an id, or a topic of their own."
    )
