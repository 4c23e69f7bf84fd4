"""Addresses that are served as ASGI applications, beside Django's request handler."""

websocket_urlpatterns = []
http_urlpatterns = []
