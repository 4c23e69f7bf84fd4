"""Since when points have been recorded without a break: noted in Redis by all who work, every five seconds.

While no part of the site works, or Redis is away, nobody can say what would have come: recording begins
anew then. A collector that stops alone is no break: what comes meanwhile waits for it on the bus.
"""

import time

from metrics_app import conf
from metrics_app.connection import get_redis, guard
from metrics_app.core.durations import MINUTE_MS
from metrics_app.lua import read_script

NOTE = read_script("recording")
NOTE_EVERY = 5.0  # seconds, of all processes together
BREAK = 2 * MINUTE_MS  # ms of silence that are one; a busy machine may take a while between two notes

noted = {}  # which Redis -> monotonic seconds of the next note, per process


def name_recording():
    """The key of ``{since, noted}`` (ms)."""
    return f"{conf.get('REDIS_PREFIX')}:recording"


def note_recording(*, every=NOTE_EVERY):
    """Notes that somebody records, unless anybody has within ``every`` seconds. BusUnavailable."""
    name = conf.get("REDIS_URL"), conf.get("REDIS_PREFIX")
    if time.monotonic() < noted.get(name, 0.0):
        return
    with guard():
        get_redis().eval(NOTE, 1, name_recording(), BREAK, int(every * 1000))
    noted[name] = time.monotonic() + every


def read_recording():
    """``(since, noted)`` in ms of what is being recorded; None where nobody ever noted it. BusUnavailable."""
    with guard():
        found = get_redis().hmget(name_recording(), "since", "noted")
    return tuple(map(int, found)) if all(found) else None
