"""When the site took in points, of whatever topic: what it noted of itself, remembered for a moment."""

import threading
import time

from django.core.signals import setting_changed

from metrics_app import window
from metrics_app.clock import now_ms
from metrics_app.core.durations import MINUTE_MS
from metrics_app.core.recorded import is_enough, measure_share, measure_shares
from metrics_app.core.spans import intersect, subtract
from metrics_app.exceptions import BusUnavailable
from metrics_app.forks import free_in_children
from metrics_app.models import Recording

FRESH = 1.5  # seconds
GROWING = 2 * MINUTE_MS  # ms; a span that ended no longer ago is being recorded now
ENDLESS = 2**62

_lock = free_in_children(threading.Lock())
_recordings = (0.0, [])  # (fresh until, [(start, end), …])


def is_site_recording(start, end):
    """Whether the site took in points nearly all of [start, end) ms, of whatever topic."""
    return is_enough(measure_share(load_recordings(), start, end))


def find_broken(starts, ends):
    """Whether the site was away for more than a little of each window (arrays of ms), once it recorded."""
    spans = load_recordings()
    breaks = subtract([(spans[0][0], ENDLESS)], spans)
    return ~is_enough(1 - measure_shares(breaks, starts, ends))


def load_recordings():
    """What the site has recorded without a break, ``[(start, end), …]`` in ms, at most ``FRESH`` seconds old.

    The span that grows has no end yet. Where nobody has ever noted any, as before the first minute of a
    site, all counts as recorded.
    """
    global _recordings
    fresh_until, found = _recordings
    if time.monotonic() < fresh_until:
        return found
    with _lock:
        # Whoever waited for the lock finds what the first one read.
        fresh_until, found = _recordings
        if time.monotonic() >= fresh_until:
            found = list(Recording.objects.order_by("start").values_list("start", "end"))
            found = let_grow(found) if found else [(0, ENDLESS)]
            _recordings = (time.monotonic() + FRESH, found)
    return found


def let_grow(found):
    """The spans that SQL knows, the one that is being recorded now without an end.

    Whoever judges carries it there: while nobody does, Redis knows that points are taken in all the same.
    """
    since, noted = read_noted() or found[-1]
    if noted <= now_ms() - GROWING:
        return found
    return [*intersect(found, 0, since), (since, ENDLESS)]


def read_noted():
    """``(since, noted)`` in ms as Redis has it; None where it is away, or has nothing."""
    try:
        return window.read_recording()
    except BusUnavailable:
        return None


def forget_on_change(*, setting, **kwargs):
    """Forgets when a test overrides the settings: it also has a database of its own."""
    global _recordings
    if setting == "METRICS_APP":
        _recordings = (0.0, [])


setting_changed.connect(forget_on_change)
