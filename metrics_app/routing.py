"""Addresses that are served as ASGI applications, beside Django's request handler.

They are below the prefix of the pages, and at the root: programs of before know them there.
"""

import re

from channels.routing import ProtocolTypeRouter, URLRouter
from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.handlers import ASGIStaticFilesHandler
from django.urls import re_path

from metrics_app.addresses import PARTNERS, SOCKET, STREAM, find_prefix
from metrics_app.streams.asgi import add_headers, metrics_stream, partner_stream
from metrics_app.streams.consumers import websocket
from metrics_app.streams.shutdown import get_shutdown

CLOSE = [(b"connection", b"close")]


def route(address, application):
    """An address below the prefix or the root, with or without a slash at its end."""
    prefix = find_prefix()
    below = f"(?:{re.escape(prefix)})?" if prefix else ""
    return re_path(f"^{below}{address.rstrip('/')}/?$", application)


websocket_urlpatterns = [route(SOCKET, websocket)]
http_urlpatterns = [route(STREAM, metrics_stream), route(PARTNERS, partner_stream)]


def with_streams(application):
    """A project's ASGI application with the streams beside it: the last line of its ``asgi.py``.

    Where the project is being debugged it serves the static files, too, as ``runserver`` does.
    """
    serves_static = settings.DEBUG and apps.is_installed("django.contrib.staticfiles")
    pages = ASGIStaticFilesHandler(application) if serves_static else application
    streams = URLRouter([*http_urlpatterns, re_path(r"", pages)])
    sockets = URLRouter([*websocket_urlpatterns, re_path(r"", application)])
    return end_in_order(ProtocolTypeRouter({"http": streams, "websocket": sockets}))


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
