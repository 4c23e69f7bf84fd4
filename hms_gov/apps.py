"""The project as an app: it owns the demo command and the pages both apps share."""

from django.apps import AppConfig, apps
from django.db.models.signals import post_save
from django.utils.module_loading import import_string


class HmsGovConfig(AppConfig):
    name = "hms_gov"
    verbose_name = "HMS-GOV"

    def ready(self):
        """Proposals follow the restriction of their KPI; the wiring needs loaded models, so by its path."""
        follow = import_string("hms_gov.joins.wiring.follow_restriction")
        post_save.connect(follow, sender=apps.get_model("metrics_app", "Kpi"), dispatch_uid="restriction")
