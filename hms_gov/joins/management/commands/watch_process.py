"""`manage.py watch_process`: ready-made KPIs and thresholds of the proposals themselves."""

from hms_gov.joins.process import OWNER, watch_process
from metrics_app.management.database import DatabaseCommand
from pipelines_app import conf


class Command(DatabaseCommand):
    help = (
        "Makes the KPIs pipeline.decision_hours, pipeline.open and pipeline.effect_percent with a threshold "
        "each, where they are missing; what people have set stays."
    )

    def add_arguments(self, parser):
        parser.add_argument("--owner", default=OWNER, metavar="GROUP", help=f"of the KPIs; default: {OWNER}")

    def handle(self, *, owner, **options):
        made = watch_process(owner=owner)
        for name, is_on in made.items():
            state = "watches" if is_on else "off until its window holds a point: call this again then"
            self.stdout.write(f"{name}: {state}.")
        if not made:
            self.stdout.write("Nothing was missing.")
        if not conf.get("EMIT"):
            self.stdout.write("No points will come: PIPELINES_APP EMIT names nothing.")
