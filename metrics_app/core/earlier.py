"""Which window a change is held against: as long, and ending so many days before by somebody's clock. Pure.

By the clock of a zone "a week before 09:00" is 09:00 there, also where clocks were moved since: 167, 168
or 169 hours before. What a local time means that clocks skip or show twice says ``wallclock``: the
instant of the jump, and the first of both. A date that a zone never had is the one before it.
"""

from zoneinfo import ZoneInfo

import numpy as np

from metrics_app.core.durations import DAY_MS
from metrics_app.core.wallclock import FURTHEST, list_stretches

MARGIN = FURTHEST + 2 * DAY_MS  # a date that never was leads a day further back


def find_earlier(ends, ago, zone=""):
    """Where the windows before end that belong to windows with these ends (array of ms, int64).

    ``ago`` is in ms; with a zone it is whole days of its clock.
    """
    if not zone or not len(ends) or not ago:
        return ends - ago
    clock = Clock(int(ends.min()) - ago - MARGIN, int(ends.max()) + MARGIN, zone)
    return clock.find_instants(clock.read(ends) - ago)


class Clock:
    """The clock of a zone in [start, end) ms, for arrays of times."""

    def __init__(self, start, end, zone):
        stretches = list_stretches(start, end, ZoneInfo(zone))
        self.starts, self.ends, self.offsets = np.array(stretches, np.int64).T

    def read(self, instants):
        """What it shows at instants, in ms since the epoch of its own."""
        return instants + self.offsets[np.searchsorted(self.starts, instants, side="right") - 1]

    def find_instants(self, shown):
        """The first instants at which it shows local times or later ones; of a date that never was the one
        before it."""
        found, at = self.find(shown), shown // DAY_MS
        # The jump began before that date, and led behind it.
        before, after = self.read(found - 1) // DAY_MS, self.read(found) // DAY_MS
        return np.where((before < at) & (at < after), self.find(shown - DAY_MS), found)

    def find(self, shown):
        """``wallclock.find_instant`` of many local times."""
        at = np.searchsorted(self.ends + self.offsets, shown, side="right")
        return np.maximum(self.starts[at], shown - self.offsets[at])

    def list_moves(self):
        """``(instants, offsets before, offsets after)`` of each time it is moved."""
        return self.starts[1:], self.offsets[:-1], self.offsets[1:]


def list_agos(start, end, ago, zone=""):
    """How far back (ms) windows before may lie for those that end in [start, end] ms; ascending."""
    if not zone:
        return [ago]
    offsets = np.unique(Clock(start - ago - MARGIN, end + MARGIN, zone).offsets)
    found = np.unique(ago + offsets[:, None] - offsets[None, :])
    # A date that never was leads a day further back.
    return np.unique(np.concatenate([found, found + DAY_MS])).tolist()


def list_bends(start, end, ago, zone=""):
    """The instants (ms, ascending) in [start, end] from which windows before may lie otherwise far back."""
    if not zone:
        return np.empty(0, np.int64)
    clock = Clock(start - ago - MARGIN, end + MARGIN, zone)
    moved, before, after = clock.list_moves()
    shown = np.concatenate([moved + before, moved + after]) + ago
    found = np.concatenate([moved, *(shown - offset for offset in np.unique(clock.offsets))])
    # Within a date that never was there are midnights that are not.
    found = np.unique(np.concatenate([found, found + DAY_MS, found - DAY_MS]))
    return found[(start <= found) & (found <= end)]
