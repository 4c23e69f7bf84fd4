"""The read side: means, statistics, series, logs and marks.

Times are ms since the epoch unless a name says ``window``, which is in seconds.
A window is [end − window, end), and ends at the next whole second. What starts before
the hot hour starts on a whole minute, and minutes that are sealed count whole.
"""

from metrics_app.clock import redis_now
from metrics_app.queries.asking import Asked, Observation, ask, list_observations, stack_observations
from metrics_app.queries.births import find_partial, read_births
from metrics_app.queries.buckets import read_buckets
from metrics_app.queries.calendars import calendar_series, compare_series, compare_span, so_far
from metrics_app.queries.charts import Snapshot, series, snapshot
from metrics_app.queries.corrections import list_corrections
from metrics_app.queries.halves import find_held
from metrics_app.queries.hours import read_hours
from metrics_app.queries.kept import find_grain
from metrics_app.queries.logs import collected_through, get_head, list_topics, shard_for
from metrics_app.queries.losses import Lost, list_losses, list_losses_of
from metrics_app.queries.notes import find_note, list_notes
from metrics_app.queries.observations import observe, observe_many, read_forecast
from metrics_app.queries.recorded import (
    drop_unknown,
    is_recorded,
    list_known,
    list_recorded,
    list_recorded_of,
    list_shares,
    list_window_shares,
    take_value,
    take_values,
)
from metrics_app.queries.recordings import is_site_recording
from metrics_app.queries.statistics import find_last_point, mean_last, span, stats
from metrics_app.queries.windows import windows

__all__ = [
    "Asked",
    "Lost",
    "Observation",
    "Snapshot",
    "ask",
    "calendar_series",
    "collected_through",
    "compare_series",
    "compare_span",
    "drop_unknown",
    "find_grain",
    "find_held",
    "find_last_point",
    "find_note",
    "find_partial",
    "get_head",
    "is_recorded",
    "is_site_recording",
    "list_corrections",
    "list_known",
    "list_losses",
    "list_losses_of",
    "list_notes",
    "list_observations",
    "list_recorded",
    "list_recorded_of",
    "list_shares",
    "list_topics",
    "list_window_shares",
    "mean_last",
    "observe",
    "observe_many",
    "read_births",
    "read_buckets",
    "read_forecast",
    "read_hours",
    "redis_now",
    "series",
    "shard_for",
    "snapshot",
    "so_far",
    "span",
    "stack_observations",
    "stats",
    "take_value",
    "take_values",
    "windows",
]
