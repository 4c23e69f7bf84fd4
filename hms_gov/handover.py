"""One program after another in the same process: it keeps its number, its children and its open files.

So a supervisor takes up a new version of itself, or an environment that its settings have to be read
with, and what it watches over runs on meanwhile.
"""

import json
import os
import signal
import sys

from hms_gov.children import HANDLED, flush
from hms_gov.ties import GUARD

NAME = "HMS_HANDOVER"


def become(state, *, handles, environment):
    """Begins this command line anew in ``environment``; returns never.

    ``state`` is of JSON and what the next program gets of ``take_over``; ``handles`` are the file
    descriptors in it, which stay open. Signals wait until it asks for them.
    """
    told = json.dumps({"state": state, "guard": GUARD.hand_over()})
    for handle in handles:
        os.set_inheritable(handle, True)
    former = signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)
    flush()
    try:
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], environment | {NAME: told})
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def take_over():
    """The ``state`` that the program before has left, or None where there was none."""
    told = json.loads(os.environ.pop(NAME, "null"))
    if told is None:
        return None
    GUARD.take_over(**told["guard"])
    return told["state"]
