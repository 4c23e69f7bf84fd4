"""Wire formats: bytes become a validated batch. One module per format; this list names them.

``decode(body, *, now, max_points, max_future) -> (batch, count)``; BadInput, TooLarge.
"""

from metrics_app.wire import json

# Content type of POST /api/v1/points/ -> its decoder.
FORMATS = {"application/json": json.decode}
