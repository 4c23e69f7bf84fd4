"""The project as an app: it owns the demo command and the pages both apps share."""

from django.apps import AppConfig


class HmsGovConfig(AppConfig):
    name = "hms_gov"
    verbose_name = "HMS-GOV"
