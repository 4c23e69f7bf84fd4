"""`manage.py doctor`: what ails the site, and what to do about it."""

import json

from django.core.management.base import BaseCommand

from metrics_app.services.doctor import NOTE, TODO, examine, read_lags

MARKS = {TODO: "!", NOTE: "·"}


class Command(BaseCommand):
    help = (
        "Looks at all parts of the site from this machine and says in words what ails it and what to do. "
        "Ends with code 1 where something must be done, 0 where there is nothing or only notes."
    )
    requires_system_checks = []

    def add_arguments(self, parser):
        parser.add_argument("--json", action="store_true", help="for programs")

    def handle(self, **options):
        findings = examine()
        todo = [finding for finding in findings if finding.level == TODO]
        if options["json"]:
            self.stdout.write(describe(findings, todo, read_lags()))
        else:
            for finding in findings:
                self.stdout.write(f"{MARKS[finding.level]} {finding.message}\n    {finding.todo}")
            self.stdout.write(tell_end(findings, todo))
        if todo:
            raise SystemExit(1)


def describe(findings, todo, lags):
    """``{"status", "findings": [{"level", "part", "message", "todo"}, …], "behind_seconds"}`` as JSON."""
    rows = [finding._asdict() for finding in findings]
    found = {"status": "todo" if todo else "ok", "findings": rows, "behind_seconds": lags}
    return json.dumps(found, indent=2)


def tell_end(findings, todo):
    """One line over all."""
    if todo:
        return f"{len(todo)} to do, {len(findings) - len(todo)} to know."
    return f"Nothing must be done; {len(findings)} to know." if findings else "All is well."
