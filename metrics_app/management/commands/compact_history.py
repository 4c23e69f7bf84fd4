"""``manage.py compact_history``: the nightly work on history, now."""

from metrics_app.core.text.counts import count_words
from metrics_app.management.database import DatabaseCommand
from metrics_app.services.compact import compact_history


class Command(DatabaseCommand):
    help = "Verifies hours against minutes, writes days, prunes what is older than it is kept for."

    def handle(self, *args, **options):
        found = compact_history()
        self.stdout.write(
            f"{count_words(found.days, 'day')} written, {count_words(found.repaired, 'hour')} repaired, "
            f"{count_words(found.pruned, 'row')} pruned."
        )
