"""Spans of topics that people have voided, remembered in the process for less than 2 s."""

import threading
import time

from django.core.signals import setting_changed
from django.db.models.signals import post_save

from metrics_app.core.buckets import floor
from metrics_app.core.durations import DAY_MS
from metrics_app.forks import free_in_children
from metrics_app.models import Correction

FRESH = 1.5  # seconds

_lock = free_in_children(threading.Lock())
_voids = (0.0, {})  # (fresh until, topic -> sorted [(start, end), …])


def list_voids(topic):
    """``[(start, end), …]`` in ms of the spans of a topic that do not count."""
    return load_voids().get(topic, [])


def list_corrections(topic, start, end):
    """The Corrections that touch [start, end] ms of a topic, restored ones too, in order of time."""
    rows = Correction.objects.filter(topic=topic, start__lte=end, end__gt=start)
    return list(rows.select_related("author", "restored_by").order_by("start", "id"))


def list_kept_days(name):
    """The days (ms) that a correction of the topic cuts: they keep their minutes and hours."""
    edges = Correction.objects.filter(topic=name).values_list("start", "end")
    return sorted({floor(edge, DAY_MS) for span in edges for edge in span if edge % DAY_MS})


def load_voids():
    """The voided spans of all topics, at most ``FRESH`` seconds old."""
    global _voids
    fresh_until, found = _voids
    if time.monotonic() < fresh_until:
        return found
    with _lock:
        # Whoever waited for the lock finds what the first one read.
        fresh_until, found = _voids
        if time.monotonic() >= fresh_until:
            found = {}
            rows = Correction.objects.filter(restored_at=None).order_by("topic", "start")
            for topic, start, end in rows.values_list("topic", "start", "end"):
                found.setdefault(topic, []).append((start, end))
            _voids = (time.monotonic() + FRESH, found)
    return found


def forget(**kwargs):
    """Drops what is remembered: a change made in this process takes effect at once."""
    global _voids
    _voids = (0.0, {})


def forget_on_change(*, setting, **kwargs):
    """Forgets when a test overrides the settings: it also has a database of its own."""
    if setting == "METRICS_APP":
        forget()


post_save.connect(forget, sender=Correction)
setting_changed.connect(forget_on_change)
