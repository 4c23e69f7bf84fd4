"""The ASGI entry point: streams beside Django, everything else through it."""

import logging
import os

from channels.routing import ProtocolTypeRouter, URLRouter
from django.core.asgi import get_asgi_application
from django.urls import re_path

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "hms_gov.settings")

# First: it loads the apps that the imports below need.
django_application = get_asgi_application()

from hms_gov.bounds import bound_requests  # noqa: E402
from hms_gov.half_open import bound_servers  # noqa: E402
from metrics_app.outages import hush  # noqa: E402
from metrics_app.routing import end_in_order, http_urlpatterns, websocket_urlpatterns  # noqa: E402

# uvicorn's own handlers, which were there before LOGGING.
hush(logging.getLogger("uvicorn"))

bound_servers()

application = end_in_order(
    bound_requests(
        ProtocolTypeRouter(
            {
                "http": URLRouter([*http_urlpatterns, re_path(r"", django_application)]),
                "websocket": URLRouter(websocket_urlpatterns),
            }
        )
    )
)
