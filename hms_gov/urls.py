"""Every address of the project; contract.md's tables in code."""

from django.conf import settings
from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.urls import include, path
from drf_spectacular.views import SpectacularSwaggerSplitView

from hms_gov.complaints import list_addresses
from hms_gov.schema import SchemaView

admin.autodiscover()

handler400 = "metrics_app.api.errors.handle_bad_request"
handler404 = "metrics_app.api.errors.handle_not_found"
handler500 = "metrics_app.api.errors.handle_server_error"

urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/", include("hms_gov.accounts")),
    path("api/schema/", SchemaView.as_view(), name="schema"),
    path("api/docs/", login_required(SpectacularSwaggerSplitView.as_view()), name="api_docs"),
    *list_addresses(settings.COMPLAINTS_DEMO),
    path("", include("hms_gov.joins.urls")),
]
