"""How much waits, and how far that is from the bound where the oldest is dropped."""

import logging
from typing import NamedTuple

from metrics_app import conf, queries, window
from metrics_app.connection import get_redis, guard
from metrics_app.core.durations import HOUR_MS

logger = logging.getLogger(__name__)

WARN_AT = 0.25  # share of a bound from which on every run warns


class Health(NamedTuple):
    """The worst shard: seconds since its oldest dirty minute, late points, share of the bounds in use."""

    shard: int = 0
    behind: float = 0.0
    late: int = 0
    share: float = 0.0

    @property
    def warning(self):
        """What to tell, or ""."""
        if self.share < WARN_AT:
            return ""
        return (
            f"shard {self.shard} waits for the archiver since {self.behind / 3600:.1f} h: "
            f"{self.share:.0%} of what Redis holds back (HELD_HOURS, LATE_POINTS) is in use; "
            "start `manage.py archive` before the oldest is dropped"
        )


def read_health():
    """The Health of the archive."""
    now, hours, points = queries.redis_now(), conf.get("HELD_HOURS"), conf.get("LATE_POINTS")
    found = [Health()]
    for shard, oldest, late in window.read_backlogs():
        behind = max(now - oldest, 0) if oldest else 0
        found.append(Health(shard, behind / 1000, late, max(behind / (hours * HOUR_MS), late / points)))
    return max(found, key=lambda health: health.share)


def warn():
    """Says it loudly when the bound comes near, and counts that it did."""
    health = read_health()
    if health.warning:
        logger.error("The archive is behind: %s", health.warning)
        with guard():
            get_redis().incr(f"{conf.get('REDIS_PREFIX')}:archive_warnings")
    return health
