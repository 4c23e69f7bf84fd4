"""Addresses that are served as ASGI applications, beside Django's request handler."""

from django.urls import re_path

from metrics_app.streams.asgi import metrics_stream, partner_stream
from metrics_app.streams.consumers import websocket

websocket_urlpatterns = [re_path(r"^ws/metrics/?$", websocket)]
http_urlpatterns = [
    re_path(r"^metrics/stream/?$", metrics_stream),
    re_path(r"^mkt/metrics/stream/?$", partner_stream),
]
