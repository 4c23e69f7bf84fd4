"""The app's entry into Django."""

from django.apps import AppConfig
from django.core.checks import register
from django.db.models.signals import post_migrate

from metrics_app import client
from metrics_app.checks import check_settings
from metrics_app.extensions import start_aggregates
from metrics_app.schedule import register_tasks
from metrics_app.setup_checks import check_login, check_setup


class MetricsAppConfig(AppConfig):
    name = "metrics_app"
    verbose_name = "Metrics"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self):
        """Loads the project's aggregates, gives ``emit`` its bus; registers checks and periodic tasks."""
        # Models can be imported only now. Whichever process changes a key: `keyring` tells the others.
        from metrics_app import keyring  # noqa: F401
        from metrics_app.running_checks import check_running  # as above
        from metrics_app.services.record import record_rows

        start_aggregates()
        client.use_transport(record_rows)
        for check in (check_settings, check_setup, check_running):
            register(check, self.name)
        # Without the tag by which the collector asks: it looks at the addresses of all pages.
        register(check_login)
        post_migrate.connect(register_tasks, sender=self)
