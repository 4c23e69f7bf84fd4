"""Which generation of a shard counted what: minutes of the rings, points of the late log."""

from typing import NamedTuple

from metrics_app.core.durations import MINUTE_MS
from metrics_app.core.packing import SLOTS

# What another generation counted in minutes that are hot lies this long (ms) after its end.
YOUNG = SLOTS * MINUTE_MS
MOST_ENTRIES = 20  # that ``begin.lua`` keeps


class Entry(NamedTuple):
    """A generation: from which minute (ms) it counts, after how many late points, when it began (ms)."""

    name: str
    minute: int
    late: int
    began: int


class Generations:
    """The generations of a shard as Redis knows them, oldest first; none after it lost everything."""

    def __init__(self, text):
        self.text = text
        parts = (entry.split(":") for entry in text.split(",") if entry)
        self.entries = [Entry(name, *map(int, numbers)) for name, *numbers in parts]

    def of_minute(self, minute):
        """The name of the generation whose ring holds a minute; "" if there is none."""
        return self.find(lambda entry: entry.minute <= minute)

    def of_late(self, position):
        """The name of the generation that wrote the late point number ``position``."""
        return self.find(lambda entry: entry.late < position)

    def find(self, has_begun):
        """The name of the last entry that had begun; the oldest counts from ever."""
        if not self.entries:
            return ""
        return next(
            (entry.name for entry in reversed(self.entries) if has_begun(entry)), self.entries[0].name
        )

    @property
    def current(self):
        """The name of the newest generation, or ""."""
        return self.entries[-1].name if self.entries else ""

    def is_young(self, start):
        """Whether the newest began so lately that others may have counted after ``start`` (ms)."""
        return not self.entries or self.entries[-1].began > start - YOUNG
