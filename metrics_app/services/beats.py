"""Which beats ask for work, as the messages of Celery tell: noted by the workers that get them."""

import logging
import time

from metrics_app import conf, queries
from metrics_app.connection import get_redis, guard
from metrics_app.core.durations import HOUR_MS, MINUTE_MS
from metrics_app.exceptions import BusUnavailable

logger = logging.getLogger(__name__)

NOTE_EVERY = 20  # seconds between two notes of one beat, per process

noted = {}  # (which Redis, beat) -> monotonic seconds of the next note, per process


def name_key():
    """The key of a sorted set of beats by when (ms) each last asked for work."""
    return f"{conf.get('REDIS_PREFIX')}:beats"


def note_beat(origin):
    """Notes who sent a message that only a beat sends; ``gen<pid>@<host>``, None where it was called."""
    name = conf.get("REDIS_URL"), conf.get("REDIS_PREFIX"), origin
    if origin is None or time.monotonic() < noted.get(name, 0.0):
        return
    try:
        now = queries.redis_now()
        with guard():
            pipe = get_redis().pipeline(transaction=True)
            pipe.zadd(name_key(), {origin: now})
            pipe.zremrangebyscore(name_key(), "-inf", now - HOUR_MS)
            pipe.execute()
    except BusUnavailable as error:
        logger.debug("A beat is not noted: %s", error)
    else:
        noted[name] = time.monotonic() + NOTE_EVERY


@guard()
def read_beats():
    """The beats that asked for work within a minute. BusUnavailable."""
    found = get_redis().zrangebyscore(name_key(), queries.redis_now() - MINUTE_MS, "+inf")
    return [origin.decode() for origin in found]
