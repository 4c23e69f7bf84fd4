"""`manage.py test_thresholds FILE…`: rule tests for CI."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from metrics_app.core.text.counts import count_words
from metrics_app.exceptions import BadInput
from metrics_app.services.rules.rule_tests import run_file


class Command(BaseCommand):
    help = (
        "Runs rule tests in YAML: a threshold, points, and the states expected of it; no database, no Redis. "
        "The exit code is 1 where one fails."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("files", nargs="+", metavar="FILE")

    def handle(self, *, files, **options):
        failed = passed = 0
        for file in files:
            for outcome in self.read(file):
                failed += bool(outcome.faults)
                passed += not outcome.faults
                self.tell(file, outcome)
        if failed:
            raise CommandError(f"{count_words(failed, 'rule test')} failed, {passed:,} passed.")
        self.stdout.write(f"{count_words(passed, 'rule test')} passed.")

    def read(self, file):
        """The Outcomes of a file; CommandError where it cannot be read."""
        try:
            return run_file(Path(file).read_text(encoding="utf-8"))
        except OSError as error:
            raise CommandError(f"{file} cannot be read: {error.strerror or error}") from None
        except UnicodeDecodeError:
            raise CommandError(f"{file} is not UTF-8") from None
        except BadInput as error:
            raise CommandError(f"{file} {error}") from None

    def tell(self, file, outcome):
        """One line for a test that passed, one for each fault otherwise."""
        if not outcome.faults:
            self.stdout.write(
                f"ok    {file}: {outcome.name} ({count_words(outcome.expected, 'expectation')})"
            )
            return
        self.stdout.write(f"FAIL  {file}: {outcome.name}")
        for fault in outcome.faults:
            self.stdout.write(f"      {fault}")
