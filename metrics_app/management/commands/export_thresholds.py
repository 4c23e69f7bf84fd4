"""`manage.py export_thresholds`: thresholds and their KPIs as YAML."""

from pathlib import Path

from django.core.management.base import CommandError

from metrics_app.core.points import check_pattern, match_topic
from metrics_app.exceptions import BadInput
from metrics_app.management.database import DatabaseCommand
from metrics_app.models import Kpi
from metrics_app.services.rules.files import export_rules


class Command(DatabaseCommand):
    help = (
        "Writes thresholds and the KPIs they watch as YAML for `manage.py import_thresholds`: sorted, "
        "without what is as it begins, and the same text as long as nothing changed."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--topic", default="*", metavar="PATTERN", help="a topic or a pattern such as 'complaint.*'"
        )
        parser.add_argument("--output", metavar="FILE", help="written there; default: to the standard output")

    def handle(self, *, topic, output, **options):
        try:
            check_pattern(topic)
        except BadInput as error:
            raise CommandError(f"--topic: {error}") from None
        kpis = [kpi for kpi in Kpi.objects.order_by("topic") if match_topic(topic, kpi.topic)]
        text = export_rules(kpis)
        if output is None:
            self.stdout.write(text, ending="")
            return
        try:
            Path(output).write_text(text, encoding="utf-8")
        except OSError as error:
            raise CommandError(f"{output} cannot be written: {error.strerror or error}") from None
