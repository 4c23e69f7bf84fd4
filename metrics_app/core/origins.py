"""Web origins: scheme, host and port, as browsers write them in the header ``Origin``."""

import re
from urllib.parse import urlsplit

from metrics_app.core.text.literals import show
from metrics_app.exceptions import BadInput

ORIGIN = re.compile(r"https?://(?:[a-z0-9-]+(?:\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(?::[0-9]{1,5})?\Z")
DEFAULT_PORTS = {"https": ":443", "http": ":80"}
MAX_ORIGIN = 200  # characters


def check_origin(text):
    """The origin as browsers write it (lower case, no default port), or BadInput."""
    origin = text.strip().lower().removesuffix("/") if isinstance(text, str) else ""
    if len(origin) > MAX_ORIGIN or not ORIGIN.match(origin):
        raise BadInput(
            f"{show(text)} is not an origin: write scheme, host and, where it is not the usual one, "
            "the port, such as https://www.example.org; each host by itself, for there are no patterns",
            field="origin",
        )
    return origin.removesuffix(DEFAULT_PORTS[urlsplit(origin).scheme])
