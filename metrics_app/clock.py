"""The one clock of a site: Redis', which the collector and the evaluator go by.

Servers and emitters have clocks of their own. One that is as good as right is used as it is; one
that is further off than a point may lie in the future is corrected by what Redis says.
"""

import logging
import time

from metrics_app import conf
from metrics_app.connection import get_redis, guard
from metrics_app.exceptions import BusUnavailable

logger = logging.getLogger(__name__)

MS = 1_000_000  # ns
LOOK_EVERY = 10  # seconds between two comparisons, per process
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
        before = time.time_ns()
        now = redis_now()
        after = time.time_ns()
    except BusUnavailable as error:
        logger.debug("The clock is not compared: %s", error)
        return known
    return (before + after) // 2 // MS - now


@guard()
def redis_now():
    """Redis' time in ms: the clock that marks are in. BusUnavailable."""
    seconds, micros = get_redis().time()
    return seconds * 1000 + micros // 1000
