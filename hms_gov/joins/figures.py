"""Where the figures of proposals go: to the project's own bus, as any other point."""

import numpy as np

from metrics_app.exceptions import BadInput
from metrics_app.services.record import record_batch
from pipelines_app.exceptions import Impossible


def emit(topic, value, *, at, key):
    """One point at ``at`` (ms); the same ``key`` again within a day adds nothing.

    BusUnavailable while Redis is away; Impossible where new topics are not let in.
    """
    columns = np.array([at], dtype=np.int64), np.array([value], dtype=np.float64)
    try:
        record_batch({topic: columns}, batch_id=f"pipelines:{key}")
    except BadInput as error:
        raise Impossible(str(error)) from error
