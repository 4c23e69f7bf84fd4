"""The one clock of a site: Redis', which the collector and the evaluator go by.

Servers and emitters have clocks of their own. One that is as good as right is used as it is; one
that is further off than a point may lie in the future is corrected by what Redis says.
"""

import logging
import socket
import time

from metrics_app import conf
from metrics_app.connection import get_redis, guard
from metrics_app.exceptions import BusUnavailable

logger = logging.getLogger(__name__)

MS = 1_000_000  # ns
LOOK_EVERY = 10  # seconds between two comparisons, per process
TOLD = 1_000  # ms from which on a machine's skew is noted for `manage.py doctor`
KNOWN = 3_600_000  # ms for which a note counts
STEP = 1_000  # ms that a clock may move against one that never steps before it is compared again

_looks = {}  # address of Redis -> (monotonic ms of the look, wall clock less monotonic then, ms ahead)


def now_ms():
    """This moment in ms, by this machine's clock unless it is too far off."""
    return time.time_ns() // MS - find_skew()


def find_skew():
    """ms by which this machine's clock is ahead of Redis', 0 within ``MAX_FUTURE``.

    As last known while Redis is away. Compared every ``LOOK_EVERY`` s, and when the clock was set.
    """
    url, ticks = conf.get("REDIS_URL"), time.monotonic_ns() // MS
    base = time.time_ns() // MS - ticks
    looked, base_then, skew = _looks.get(url, (-LOOK_EVERY * 1000 - 1 + ticks, base, 0))
    if ticks - looked > LOOK_EVERY * 1000 or abs(base - base_then) > STEP:
        known, skew = skew, compare(skew)
        if abs(skew) >= TOLD:
            note_skew(skew)
        if is_off(skew) and not is_off(known):
            logger.warning("The clock of this machine is %g s ahead of Redis': set it.", skew / 1000)
        _looks[url] = (ticks, base, skew)
    return skew if is_off(skew) else 0


def is_off(skew):
    """Whether so many ms are more than a point may lie in the future."""
    return abs(skew) > conf.get("MAX_FUTURE") * 1000


def compare(known):
    """ms by which this machine's clock is ahead of Redis' now; ``known`` where Redis is away."""
    try:
        return measure_skew()
    except BusUnavailable as error:
        logger.debug("The clock is not compared: %s", error)
        return known


def measure_skew():
    """ms by which this machine's clock is ahead of Redis' now. BusUnavailable."""
    before = time.time_ns()
    now = redis_now()
    after = time.time_ns()
    return (before + after) // 2 // MS - now


def name_hash():
    """The key of ``{machine: "skew:when"}`` (ms), of machines that were found off."""
    return f"{conf.get('REDIS_PREFIX')}:clocks"


def note_skew(skew):
    """Notes by how much (ms) this machine is off; what cannot be noted is not."""
    try:
        now = redis_now()
        with guard():
            get_redis().hset(name_hash(), socket.gethostname(), f"{skew}:{now}")
    except BusUnavailable as error:
        logger.debug("A skew is not noted: %s", error)


def read_skews():
    """``{machine: ms}`` of those that were found off within the hour. BusUnavailable."""
    with guard():
        found = get_redis().hgetall(name_hash())
    now, skews = redis_now(), {}
    for machine, text in found.items():
        skew, _, at = text.partition(b":")
        if now - int(at) < KNOWN:
            skews[machine.decode()] = int(skew)
    return skews


@guard()
def redis_now():
    """Redis' time in ms: the clock that marks are in. BusUnavailable."""
    seconds, micros = get_redis().time()
    return seconds * 1000 + micros // 1000
