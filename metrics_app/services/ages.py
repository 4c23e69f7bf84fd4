"""When each part of the service last completed its work, and how old that may be: the one place that knows.

A part says so itself, by Redis' clock, in one hash. What never worked, or worked before Redis lost its
data, has no age: it counts as too old at once, as a collector that never ran does. Within seconds of its
start each part has worked.
"""

import logging
import time
from typing import NamedTuple

from metrics_app import conf, queries, window
from metrics_app.clock import find_skew
from metrics_app.connection import get_redis, guard
from metrics_app.exceptions import BusUnavailable
from metrics_app.queries.worked import EVALUATOR, name_hash

logger = logging.getLogger(__name__)

# Seconds between two notes of a process. Lights go by the evaluator's; of all others minutes are asked for,
# and each note is written to the disk of Redis.
NOTE_EVERY = {EVALUATOR: 0.5}
NOTE_OTHERS_EVERY = 5.0
ARCHIVER, NOTICES = "archiver", "notices"


class Bound(NamedTuple):
    """For how many seconds a part may not have worked, and what has to run for it."""

    seconds: float
    needs: str


# Beat asks for these each second, and for the archiver each five: METRICS_APP["MAX_AGES"] where it does not.
# What waits for the archiver is safe for a day, and one message to a server that hangs takes 10 s.
BOUNDS = {
    EVALUATOR: Bound(30, "beat and the worker of the queue watch"),
    ARCHIVER: Bound(180, "beat and the worker of the queue slow"),
    NOTICES: Bound(180, "beat and the worker of the queue slow"),
}

noted = {}  # which Redis and part -> monotonic seconds of the next note, per process


def note_work(part):
    """Notes that a part has just worked. While Redis is away it cannot be, which keeps nobody from work."""
    name = conf.get("REDIS_URL"), conf.get("REDIS_PREFIX"), part
    if time.monotonic() < noted.get(name, 0.0):
        return
    # Looked at by all who work, so that a machine whose clock is off is known.
    find_skew()
    try:
        at = queries.redis_now()
        with guard():
            get_redis().hset(name_hash(), part, at)
        window.note_recording()
    except BusUnavailable as error:
        logger.warning("That the part %s works cannot be noted: %s", part, error)
        return
    noted[name] = time.monotonic() + NOTE_EVERY.get(part, NOTE_OTHERS_EVERY)


def describe_age(part, ages, bound=None):
    """What ``/readyz`` says of a part's age: ``{"ok", "age_seconds", "message"}``, the last where not ok.

    ``ages``: those of ``queries.worked``, None where Redis could not be asked; ``bound``: that of a part
    which is none of ours.
    """
    if ages is None:
        return {"ok": True, "message": "unknown while redis does not answer"}
    bound = bound or BOUNDS[part]
    most = conf.get("MAX_AGES").get(part, bound.seconds)
    if most is None:
        return {"ok": True}  # nobody expects it to work here
    age, see = ages.get(part), f"see whether {bound.needs} run"
    if age is None:
        return {"ok": False, "message": f"has never worked: {see}"}
    found = {"ok": age <= most, "age_seconds": round(age, 3)}
    text = f"worked {age:.0f} s ago, which may be {most:g} s at most: {see}"
    return found if found["ok"] else found | {"message": text}
