"""The app's entry into Django."""

from django.apps import AppConfig
from django.core.checks import register
from django.db.models.signals import post_migrate

from pipelines_app.checks import check_settings
from pipelines_app.schedule import register_tasks


class PipelinesAppConfig(AppConfig):
    name = "pipelines_app"
    verbose_name = "Pipelines"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        """Registers the checks and the periodic tasks."""
        register(check_settings)
        post_migrate.connect(register_tasks, sender=self)
