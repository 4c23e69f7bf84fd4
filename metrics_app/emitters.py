"""Those who emit, as Redis knows them: whose clock is off, and who lost points on the way.

By the id of the key; ``OWN`` stands for the processes of the project, which need none. What is
noted here is told, and decides nothing: where Redis is away it is not noted.
"""

import logging
import time
from typing import NamedTuple

from metrics_app import conf
from metrics_app.connection import get_redis, guard, key
from metrics_app.exceptions import BusUnavailable

logger = logging.getLogger(__name__)

OWN = 0
BELIEVED = 600_000  # ms for which a skew is called the present one
REMEMBER = 86_400  # seconds a batch that told of losses is known, as its points are
NOTE_EVERY = 5  # seconds between two notes of one sender's skew, per process

# KEYS: the batch that tells, the counts. ARGV: seconds to remember, sender, points. A repeat adds nothing.
COUNT = """
if redis.call('SET', KEYS[1], 1, 'NX', 'EX', ARGV[1]) then
  redis.call('HINCRBY', KEYS[2], ARGV[2], ARGV[3])
end
return 1
"""

_noted = {}  # (prefix, sender) -> monotonic s


class Skew(NamedTuple):
    """A clock that is ahead by ``ms`` (behind where negative), as seen at ``at`` (ms).

    ``is_corrected``: it was subtracted; otherwise the points that were ahead were refused.
    """

    ms: int
    at: int
    is_corrected: bool


def name_hash(name):
    """The key of a hash by sender."""
    return key("emitters", name)


def note_skew(sender, skew, *, now, is_corrected=True):
    """Notes that a sender's clock is ``skew`` ms ahead at ``now`` (ms)."""
    place, ticks = (conf.get("REDIS_PREFIX"), sender), time.monotonic()
    if ticks - _noted.get(place, -NOTE_EVERY) < NOTE_EVERY:
        return
    try:
        with guard():
            get_redis().hset(name_hash("skew"), sender, f"{skew}:{now}:{int(is_corrected)}")
    except BusUnavailable as error:
        logger.debug("A skew is not noted: %s", error)
    else:
        _noted[place] = ticks


def note_dropped(sender, points, batch_id=None):
    """Adds points that a sender has lost; once for each ``batch_id``."""
    try:
        with guard():
            if batch_id is None:
                get_redis().hincrby(name_hash("dropped"), sender, points)
                return
            keys = name_hash(f"told:{batch_id}"), name_hash("dropped")
            get_redis().eval(COUNT, 2, *keys, REMEMBER, sender, points)
    except BusUnavailable as error:
        logger.warning("%d points that a sender lost are not counted: %s", points, error)


@guard()
def read_skews():
    """``{sender: Skew}`` of all whose clock was ever found off. BusUnavailable."""
    found = get_redis().hgetall(name_hash("skew"))
    return {int(sender): Skew(*map(int, text.split(b":"))) for sender, text in found.items()}


@guard()
def read_dropped():
    """``{sender: points}`` that senders told they had lost. BusUnavailable."""
    return {int(sender): int(points) for sender, points in get_redis().hgetall(name_hash("dropped")).items()}
