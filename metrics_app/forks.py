"""Locks in the children of forks."""

import os


def free_in_children(lock):
    """The lock, which each forked child finds free: the thread that held it is not there to let it go."""
    if hasattr(os, "register_at_fork"):
        # As the standard library does with its own.
        os.register_at_fork(after_in_child=lock._at_fork_reinit)
    return lock
