"""The app's entry into Django."""

from django.apps import AppConfig
from django.core.checks import register
from django.db.models.signals import post_migrate

from metrics_app import client
from metrics_app.checks import check_settings
from metrics_app.schedule import register_tasks


class MetricsAppConfig(AppConfig):
    name = "metrics_app"
    verbose_name = "Metrics"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        """Gives ``emit`` the project's own bus; registers checks and the periodic tasks."""
        from metrics_app.services.record import record_rows  # models can be imported only now

        client.use_transport(record_rows)
        register(check_settings)
        post_migrate.connect(register_tasks, sender=self)
