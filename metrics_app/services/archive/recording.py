"""Tells SQL what has been recorded, so that a gap in the points is known for a silence or for a break."""

import time

from django.db.models.functions import Greatest

from metrics_app import conf, window
from metrics_app.models import Recording

KEEP_EVERY = 10  # seconds

kept = {}  # which Redis -> monotonic seconds of the next time, per process


def keep_recording(*, every=KEEP_EVERY):
    """Lengthens the span that is being recorded; after a break it is a new one. BusUnavailable.

    At most every ``every`` seconds.
    """
    name = conf.get("REDIS_URL"), conf.get("REDIS_PREFIX")
    if time.monotonic() < kept.get(name, 0.0):
        return
    kept[name] = time.monotonic() + every
    found = window.read_recording()
    if found is None:
        return
    since, noted = found
    end = max(noted, since)
    if not Recording.objects.filter(start=since).update(end=Greatest("end", end)):
        Recording.objects.get_or_create(start=since, defaults={"end": end})
