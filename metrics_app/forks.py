"""Locks in the children of forks: ours, and those of the C libraries beneath us."""

import os
import threading

PATIENCE = 1  # seconds that a fork waits


def free_in_children(lock):
    """The lock, which each forked child finds free: the thread that held it is not there to let it go."""
    if hasattr(os, "register_at_fork"):
        # As the standard library does with its own.
        os.register_at_fork(after_in_child=lock._at_fork_reinit)
    return lock


class NoFork:
    """``with no_fork:`` a stretch in the midst of which the process is not forked: a fork waits for its end.

    For what holds locks of a C library, such as its resolver and TLS. A child would inherit them held by
    a thread that it has not, and its own first use of that library would never return. A fork
    waits ``PATIENCE``, and once for each stretch: what takes longer waits for the network, and holds none.
    """

    def __init__(self):
        self.lock, self.forking, self.is_slow = threading.Lock(), threading.local(), False
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(
                before=self.wait, after_in_parent=self.go_on, after_in_child=self.lock._at_fork_reinit
            )

    def __enter__(self):
        self.lock.acquire()
        self.is_slow = False

    def __exit__(self, *error):
        self.lock.release()

    def wait(self):
        """Before a fork, in the thread that forks."""
        self.forking.has_lock = self.lock.acquire(timeout=0 if self.is_slow else PATIENCE)
        self.is_slow = not self.forking.has_lock

    def go_on(self):
        """Behind it, in the parent."""
        if self.forking.has_lock:
            self.lock.release()
