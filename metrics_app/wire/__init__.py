"""Wire formats: bytes become a validated batch. One module per format, named here or in the settings.

``decode(body, *, now, max_points, max_future) -> (batch, count)``; BadInput, TooLarge.
"""

from django.utils.module_loading import import_string

from metrics_app import conf
from metrics_app.wire import json

# Content type of POST /api/v1/points/ -> its decoder.
FORMATS = {"application/json": json.decode}


def list_formats():
    """Content type → decoder: ours, and what ``METRICS_APP["WIRE_FORMATS"]`` adds."""
    return FORMATS | {kind: import_string(path) for kind, path in conf.get("WIRE_FORMATS").items()}
