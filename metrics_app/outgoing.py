"""What leaves in one request, and the clock by which its times count.

Points that are stamped by ``emit`` carry no time of day but the reading of a clock that
never steps (``read_ticks``). They get one when their batch is made, by the machine's clock as
it is then, and whoever takes the batch is told what that clock says as it is sent
(``Outgoing.clock``). So neither a wrong clock nor one that is set meanwhile moves a point.
"""

import time
from functools import partial

from metrics_app.core.durations import DAY_MS
from metrics_app.core.points import EARLIEST

MS = 1_000_000  # ns
# Where there is one, the clock that also runs while the machine sleeps.
BOOT = getattr(time, "CLOCK_BOOTTIME", None)
read_ticks = time.monotonic_ns if BOOT is None else partial(time.clock_gettime_ns, BOOT)


class Outgoing(list):
    """Rows of ``(topic, value, ts ms)`` for a transport.

    ``base`` is the time of day (ns) at tick 0, or None for rows whose times were given by the
    caller and count as they are. ``dropped``: how many points were lost before and are to be told of.
    """

    def __init__(self, rows, base=None):
        super().__init__(rows)
        self.base, self.dropped = base, 0

    @property
    def clock(self):
        """What the clock of these rows says now, in ms; None where they have none."""
        return None if self.base is None else (self.base + read_ticks()) // MS

    def pick(self, indexes):
        """The rows at ``indexes``, by the same clock."""
        return Outgoing((self[index] for index in indexes), self.base)

    def on_this_clock(self):
        """The same rows as times of this machine's clock."""
        return Outgoing(self, find_base())


def find_base():
    """The time of day (ns) at tick 0; of a clock that is not set one that nobody can take for seconds."""
    return max(time.time_ns(), (EARLIEST + DAY_MS) * MS) - read_ticks()


def pack(rows):
    """Buffered rows as up to two ``Outgoing``: stamped with ``-read_ticks()``, or with a ts in ms."""
    base = find_base()
    stamped = Outgoing(((topic, value, (base - ts) // MS) for topic, value, ts in rows if ts < 0), base)
    given = Outgoing(row for row in rows if row[2] >= 0)
    return [part for part in (stamped, given) if part]
