"""Keeps Python's collector of cyclic garbage from stalling a process full of connections.

A full collection looks at every object that lives; with a thousand sockets that
took 250 to 400 ms, every few seconds, in which nobody was served. What lives long
is therefore frozen: it is still freed when its last reference goes, but no longer
looked at. Only cycles that were frozen stay behind, so once as many connections
have left as are here, everything is thawed and looked at once.

The frost belongs to the process, since the collector does; ``FREEZE_GARBAGE`` False
leaves it alone, for a project that has a policy of its own.
"""

import gc

from metrics_app import conf

MANY = 500  # departures before anything is thawed
GROWTH = 10  # one in so many more than were frozen is worth freezing again


class GarbageFreezer:
    """What is frozen, by the number of things (connections, topics) that lived when it was."""

    def __init__(self):
        self.frozen, self.left = 0, 0

    def note_departure(self):
        """A connection has left, and perhaps left cycles behind."""
        self.left += 1

    def settle(self, living):
        """Freezes or thaws if enough has changed; does nothing where the collector is switched off."""
        if not (conf.get("FREEZE_GARBAGE") and gc.isenabled()):
            return
        if self.left > max(MANY, living):
            gc.unfreeze()
            gc.collect()
            self.left, self.frozen = 0, -1
        self.frozen = min(self.frozen, living)
        if living - self.frozen > self.frozen // GROWTH:
            # First the young ones, cheaply: what is garbage by now would be frozen with the rest.
            gc.collect(1)
            gc.freeze()
            self.frozen = living
