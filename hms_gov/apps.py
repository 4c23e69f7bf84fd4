"""The project as an app: it owns the demo command and the pages both apps share."""

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate

from hms_gov import celery
from hms_gov.schedule import register_tasks


class HmsGovConfig(AppConfig):
    name = "hms_gov"
    verbose_name = "HMS-GOV"

    def ready(self):
        """Makes the project's Celery application that of every thread, and keeps its tasks in beat.

        Here and not in ``hms_gov/__init__``: who installs ``hms_gov.joins`` keeps a Celery of their own.
        """
        celery.app.set_default()
        # Of an app without models, such as this, no signal tells.
        post_migrate.connect(register_tasks, sender=apps.get_app_config("axes"))
