"""The app's entry into Django: it names to each app what it needs of the other."""

from django.apps import AppConfig, apps
from django.core.checks import register
from django.db.models.signals import post_save
from django.utils.module_loading import import_string

from hms_gov.joins.checks import NEEDED, check_joins
from metrics_app import conf as metrics_conf
from pipelines_app import conf as pipelines_conf

METRICS = {
    "ACTIONS": "hms_gov.joins.wiring.list_actions",
    "KEY_PERMISSIONS": {"propose": "pipelines_app.add_pipeline"},
    "MARKS": "hms_gov.joins.marks.list_marks",
    "OUTCOMES": "hms_gov.joins.outcomes.describe_outcomes",
    "EVENTS": "hms_gov.joins.changes.read_changes",
    "BREACH_HANDLERS": ["hms_gov.joins.wiring.propose_for_breach"],
    "READINESS": ["hms_gov.joins.readiness.list_parts"],
}
PIPELINES = {
    "MEASUREMENTS": "hms_gov.joins.measurements",
    "FORMAT": "metrics_app.core.text.units.format_value",
    "TOPICS": "hms_gov.joins.wiring.describe_topic",
    "WATCH": "hms_gov.joins.watch.describe_watches",
    "AUTHENTICATION": ["metrics_app.api.authentication.KeyAuthentication"],
    "ON_WORK": "metrics_app.services.ages.note_work",
    "ON_CHANGE": ["hms_gov.joins.wiring.tell_streams"],
    "ORIGINS": {"breach:": "hms_gov.joins.timeline.note_moves"},
}


class JoinsConfig(AppConfig):
    name = "hms_gov.joins"
    # No other app of a stranger's is likely to be called so.
    label = "hms_gov_joins"
    verbose_name = "HMS-GOV joins"

    def ready(self):
        """Offers each app's settings, and lets proposals follow the restriction of their KPI."""
        register(check_joins)
        metrics_conf.offer(**METRICS)
        pipelines_conf.offer(**PIPELINES)
        if all(map(apps.is_installed, NEEDED)):
            # The wiring needs loaded models, so by its path.
            follow = import_string("hms_gov.joins.wiring.follow_restriction")
            post_save.connect(follow, sender=apps.get_model("metrics_app", "Kpi"), dispatch_uid="restriction")
