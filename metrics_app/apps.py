"""The app's entry into Django."""

from django.apps import AppConfig
from django.core.checks import register
from django.db.models.signals import post_delete, post_migrate, post_save

from metrics_app.checks import check_settings
from metrics_app.schedule import register_tasks


class MetricsAppConfig(AppConfig):
    name = "metrics_app"
    verbose_name = "Metrics"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        """Gives ``emit`` the project's own bus, and what is remembered of rows an end when they change."""
        # Models, and what stands on them, can be imported only now.
        from metrics_app import client, registry
        from metrics_app.models import ApiKey, Kpi
        from metrics_app.services.record import record_rows

        client.use_transport(record_rows)
        for model in (ApiKey, Kpi):
            post_save.connect(registry.forget_rows, sender=model)
            post_delete.connect(registry.forget_rows, sender=model)
        register(check_settings)
        post_migrate.connect(register_tasks, sender=self)
