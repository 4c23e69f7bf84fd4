"""`manage.py verify_audit`: was anything edited?"""

from django.core.management.base import BaseCommand, CommandError

from pipelines_app.services.verify import verify_audit


class Command(BaseCommand):
    """Prints the length of the chain and the hash of its end, or what was edited."""

    help = "Checks the audit chain, frozen versions and evidence, and votes; fails when anything was edited."

    def handle(self, **options):
        """Names each fault on a line of its own and ends with code 1 if there is one."""
        report = verify_audit()
        for fault in report.faults:
            self.stderr.write(self.style.ERROR(fault))
        if report.faults:
            raise CommandError(f"{len(report.faults)} faults in {report.entries:,} entries.")
        self.stdout.write(
            f"{report.entries:,} entries, nothing was edited. The chain ends with {report.head}"
        )
