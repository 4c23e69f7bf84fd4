"""Where the stranger puts the API."""

from django.urls import include, path

urlpatterns = [path("api/", include("pipelines_app.api.urls"))]
