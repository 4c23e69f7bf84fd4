"""What orchestrators, balancers and Prometheus ask; a project may want these at its root alone."""

from django.urls import path

from metrics_app.api.health import EmitReadinessView, HealthView, ReadinessView
from metrics_app.api.prometheus import PrometheusView

urlpatterns = [
    path("healthz", HealthView.as_view(), name="healthz"),
    path("readyz", ReadinessView.as_view(), name="readyz"),
    path("readyz/emit", EmitReadinessView.as_view(), name="readyz_emit"),
    path("metrics", PrometheusView.as_view(), name="prometheus"),
]
