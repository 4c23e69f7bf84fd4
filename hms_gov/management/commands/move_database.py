"""`manage.py move_database --to URL`: the whole database from SQLite to PostgreSQL."""

import time

from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections

from hms_gov import moving
from hms_gov.moving.tables import list_strangers
from metrics_app.core.text.counts import count_words
from metrics_app.management.progress import ProgressBar


class Command(BaseCommand):
    help = (
        "Moves everything from SQLite to an empty PostgreSQL: people, KPIs, thresholds, proposals with their "
        "audit chain, history, schedule. All or nothing: rows are copied, read back and compared before they "
        "count. Stop the site, workers and beat first; whatever still runs can write nothing meanwhile or "
        "afterwards, and Redis keeps what is not archived."
    )
    requires_migrations_checks = False

    def add_arguments(self, parser):
        what = parser.add_mutually_exclusive_group(required=True)
        what.add_argument("--to", metavar="URL", help="postgresql://user:password@host:5432/name, empty")
        what.add_argument(
            "--reopen", action="store_true", help="lets a SQLite that was moved away take writes again"
        )

    def handle(self, **options):
        source = connections[DEFAULT_DB_ALIAS]
        try:
            moving.check_source(source)
            if options["reopen"]:
                self.reopen(source)
            else:
                self.move(source, options["to"])
        except moving.NotMovable as error:
            raise CommandError(str(error)) from None
        except DatabaseError as error:
            raise CommandError(self.explain(source, error)) from None
        except KeyboardInterrupt:
            raise CommandError("Stopped: nothing was moved.", returncode=130) from None

    def explain(self, source, error):
        """What a database that failed has left behind."""
        reason = " ".join(str(error).split())
        if not moving.is_closed(source):
            return f"Nothing was moved: {reason}"
        return (
            f"The very last step failed: {reason}. SQLite takes no writes now. Run the command again: "
            "either it moves everything, or it says that the target has it. `--reopen` goes back to SQLite."
        )

    def reopen(self, source):
        """Takes the fence away, and says what that means."""
        if not moving.is_closed(source):
            self.stdout.write("Nothing to do: it takes writes.")
            return
        moving.reopen(source)
        name = source.settings_dict["NAME"]
        self.stdout.write(f"{name} takes writes again. What PostgreSQL got since is not in it.")

    def move(self, source, url):
        """Moves with a progress bar, and says what to do next."""
        begun, self.bar = time.monotonic(), None
        with moving.join_target(url) as target:
            moving.prepare_target(target, url)
            for name in list_strangers(source):
                self.stdout.write(f"The table {name} belongs to no installed app and stays where it is.")
            moved = moving.move(source, target, on_progress=self.show)
        seconds = time.monotonic() - begun
        tables = sum(1 for rows in moved.tables.values() if rows)
        self.stdout.write(
            f"Moved {count_words(moved.rows, 'row')} of {count_words(tables, 'table')} in {seconds:.1f} s; "
            "read back, all are equal. The audit chain holds: "
            f"{count_words(moved.audit.entries, 'entry', 'entries')}, it ends with {moved.audit.head[:16]}…\n"
            f"{source.settings_dict['NAME']} takes no more writes (`manage.py move_database --reopen` undoes "
            "that). Now:\n"
            "  1. stop every process that still runs on it,\n"
            f"  2. set DATABASE_URL to {moving.name_safely(url)} (with its password) for all of them,\n"
            "  3. start them: with the same Redis the archiver goes on where it was."
        )

    def show(self, step, done, total):
        """Draws the bar of a step."""
        if self.bar is None or self.bar[0] != step:
            self.bar = step, ProgressBar(self.stderr._out, total, unit=f"rows {step.lower()}")
        self.bar[1].show(done)
