"""``manage.py compact_history``: the nightly work on history, now."""

from django.core.management.base import BaseCommand

from metrics_app.services.compact import compact_history


class Command(BaseCommand):
    help = "Verifies hours against minutes, writes days, prunes what is older than it is kept for."

    def handle(self, *args, **options):
        found = compact_history()
        self.stdout.write(
            f"{found.days:,} days written, {found.repaired:,} hours repaired, {found.pruned:,} rows pruned."
        )
