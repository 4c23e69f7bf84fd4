"""What a rule saw at neighbouring slots, kept as few numbers: long stretches of them see the same.

Of values where they change, of classes where these do.
"""

from array import array
from bisect import bisect_right
from typing import Any, NamedTuple

import numpy as np

from metrics_app.core.classes import classify_many
from metrics_app.core.watch import Observation
from metrics_app.core.windows import Views, find_whole


class Seen(NamedTuple):
    """What each slot saw: the ``first`` slot and the ``interval`` in ms; the others by their index.

    ``starts`` are the indices from which on slots saw each of ``values`` (NaN: none), of ``n``
    points. ``edges`` are the indices at which the class changes, with the number of slots at
    the end, ``classes`` the class from each of them on. From the index ``whole`` on windows are known whole.
    """

    first: int
    interval: int
    starts: Any
    values: Any
    n: Any
    edges: list
    classes: list
    whole: int = 0

    def slot(self, at):
        """The slot (ms) of an index."""
        return self.first + at * self.interval

    def find(self, at):
        """Which of ``values`` an index saw."""
        return bisect_right(self.starts, at) - 1

    def observe(self, at):
        """The Observation of an index."""
        return self.read(self.find(at))._replace(partial=at < self.whole)

    def read(self, view):
        """The Observation of one of ``values``."""
        value = self.values.item(view)
        return Observation(None if value != value else value, self.n.item(view))

    def count_slots(self, slot_class):
        """How many slots are of a class."""
        lengths = zip(self.classes, self.edges, self.edges[1:], strict=False)
        return sum(last - first for name, first, last in lengths if name == slot_class)

    def spread(self):
        """``(values, n)`` of every slot."""
        lengths = np.diff(self.starts, append=self.edges[-1])
        return np.repeat(self.values, lengths), np.repeat(self.n, lengths)


def see(rule, slots, views, lengths=None, born=None):
    """The Seen of the Views of neighbouring slots, or of slots (ms) that each stand for so many.

    ``born``: since when (ms) points are known, which each slot's window must lie behind to be whole.
    """
    ends = np.arange(1, len(slots) + 1) if lengths is None else np.cumsum(lengths)
    partial = np.zeros(len(slots), bool)
    if born is not None:
        partial = slots < find_whole(born, rule.window, rule.aggregate, rule.zone)
    whole = int(partial.sum())
    views = divide(views, whole)
    firsts = np.cumsum(views.repeat) - views.repeat
    starts = np.append(0, ends[:-1])[firsts]
    names = classify_many(rule, views.values, views.n, partial[firsts])
    changes = np.flatnonzero(np.append(True, names[1:] != names[:-1]))
    edges = [*starts[changes].tolist(), int(ends[-1])]
    timing = int(slots[0]), rule.interval * 1000
    # Of an array bisect finds in half the time of NumPy.
    starts = array("q", starts.tobytes())
    known = views.values, views.n, edges, names[changes].tolist()
    return Seen(*timing, starts, *known, int(ends[whole - 1]) if whole else 0)


def divide(views, at):
    """Views of the same slots of which none reaches over the index ``at`` of a slot."""
    ends = np.cumsum(views.repeat)
    if not 0 < at < int(ends[-1]) or at in ends:
        return views
    split = int(np.searchsorted(ends, at, side="right"))
    columns = [np.insert(column, split, column[split]) for column in views]
    repeat = columns[2]
    repeat[split + 1] = ends[split] - at
    repeat[split] = views.repeat[split] - repeat[split + 1]
    return Views(*columns)
