"""The app's entry into Django."""

from django.apps import AppConfig


class MetricsAppConfig(AppConfig):
    name = "metrics_app"
    verbose_name = "Metrics"
    default_auto_field = "django.db.models.BigAutoField"
