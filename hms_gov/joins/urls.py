"""Both apps by one include."""

from django.urls import include, path

urlpatterns = [
    path("", include("pipelines_app.site_urls")),
    path("", include("metrics_app.site_urls")),
]
