"""All addresses of the app by one include: pages, API, and what balancers and Prometheus ask.

``path("", include("metrics_app.site_urls"))``; the streams are found below the same prefix (``routing``).
"""

from django.urls import include, path

urlpatterns = [
    path("", include("metrics_app.health_urls")),
    path("api/v1/", include("metrics_app.api.urls")),
    path("", include("metrics_app.urls")),
]
