"""Every address of the project; contract.md's tables in code."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.urls import include, path
from drf_spectacular.views import SpectacularSwaggerSplitView

from hms_gov.complaints import list_addresses
from hms_gov.schema import SchemaView
from metrics_app.api.health import EmitReadinessView, HealthView, ReadinessView
from metrics_app.api.prometheus import PrometheusView

admin.autodiscover()

handler400 = "metrics_app.api.errors.handle_bad_request"
handler404 = "metrics_app.api.errors.handle_not_found"
handler500 = "metrics_app.api.errors.handle_server_error"

urlpatterns = [
    path("healthz", HealthView.as_view(), name="healthz"),
    path("readyz", ReadinessView.as_view(), name="readyz"),
    path("readyz/emit", EmitReadinessView.as_view(), name="readyz_emit"),
    path("metrics", PrometheusView.as_view(), name="prometheus"),
    path("admin/", admin.site.urls),
    path("accounts/", include("hms_gov.accounts")),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs/", login_required(SpectacularSwaggerSplitView.as_view()), name="api_docs"),
    path("api/v1/", include("metrics_app.api.urls")),
    path("api/v1/", include("pipelines_app.api.urls")),
    path("inbox/", include("pipelines_app.urls")),
    *list_addresses(settings.COMPLAINTS_DEMO),
    path("", include("metrics_app.urls")),
]
