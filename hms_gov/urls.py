"""Every address of the project; contract.md's tables in code."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("accounts/", include("hms_gov.accounts")),
    path("api/v1/", include("metrics_app.api.urls")),
    path("api/v1/", include("pipelines_app.api.urls")),
    path("inbox/", include("pipelines_app.urls")),
    path("", include("metrics_app.urls")),
]
