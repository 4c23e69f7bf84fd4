"""All addresses of the app by one include: inbox and API."""

from django.urls import include, path

urlpatterns = [
    path("api/v1/", include("pipelines_app.api.urls")),
    path("inbox/", include("pipelines_app.urls")),
]
