"""The project as an app: it owns the demo command and the pages both apps share."""

from django.apps import AppConfig

from hms_gov import celery


class HmsGovConfig(AppConfig):
    name = "hms_gov"
    verbose_name = "HMS-GOV"

    def ready(self):
        """Makes the project's Celery application that of every thread.

        Here and not in ``hms_gov/__init__``: who installs ``hms_gov.joins`` keeps a Celery of their own.
        """
        celery.app.set_default()
