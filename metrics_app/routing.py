"""Addresses that are served as ASGI applications, beside Django's request handler."""

from django.urls import re_path

from metrics_app.streams.asgi import add_headers, metrics_stream, partner_stream
from metrics_app.streams.consumers import websocket
from metrics_app.streams.shutdown import get_shutdown

websocket_urlpatterns = [re_path(r"^ws/metrics/?$", websocket)]
http_urlpatterns = [
    re_path(r"^metrics/stream/?$", metrics_stream),
    re_path(r"^mkt/metrics/stream/?$", partner_stream),
]
CLOSE = [(b"connection", b"close")]


def end_in_order(application):
    """The ASGI application of a project, around which this goes: no request of it is waited for for ever.

    While the process ends each answer ends its connection, too: who keeps connections would
    send the next request on one that is just being closed.
    """

    async def serve(scope, receive, send):
        is_stopping = get_shutdown().is_stopping
        # In HTTP/2 a connection is not ended by a header.
        if is_stopping and scope["type"] == "http" and scope["http_version"].startswith("1"):
            send = add_headers(send, CLOSE)
        await application(scope, receive, send)

    return serve
