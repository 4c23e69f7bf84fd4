"""`manage.py verify_audit`: was anything edited?"""

import re

from django.core.management.base import CommandError

from pipelines_app.management.database import DatabaseCommand
from pipelines_app.services.verify import tell_count, verify_audit


class Command(DatabaseCommand):
    """Prints the length of the chain and the hash of its end, or what was edited."""

    help = "Checks the audit chain, frozen versions and evidence, and votes; fails when anything was edited."

    def add_arguments(self, parser):
        """What somebody kept."""
        parser.add_argument(
            "--head",
            default="",
            metavar="HASH",
            help="the hash of a head that was kept elsewhere, the present one or an older: it must be in "
            "the chain, which nobody who rewrites the whole of it can bring about",
        )

    def handle(self, *, head, **options):
        """Names each fault on a line of its own; ends with code 1 if there is one, 2 where HASH is none."""
        head = head.strip().lower()
        if head and not re.fullmatch("[0-9a-f]{64}", head):
            raise CommandError(f"--head: {head[:80]!r} is no hash of 64 hexadecimal digits", returncode=2)
        report = verify_audit(kept=head)
        for fault in report.faults:
            self.stderr.write(self.style.ERROR(fault))
        if report.faults:
            raise CommandError(f"{tell_count(report)}.")
        self.stdout.write(f"{tell_count(report)}. The chain ends with {report.head}")
        if head:
            self.stdout.write(
                f"The head that was kept is entry {report.kept_at:,}: the chain has only grown."
            )
