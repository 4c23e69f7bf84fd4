"""The ends of processes that ``atexit`` never hears of, and what is done before.

Children of ``multiprocessing`` (pools and executors too) end by ``os._exit``, after the
finalizers of its ``util``; those of Celery after a signal of its own. A process that is killed by
a signal whose action is the default one ends at once: nothing can be done in it, unless it asked
for that with ``before_signal``.
"""

import os
import signal
import sys
import threading
from functools import partial

LAST = -100  # exitpriority: after all that may still emit

_finalizers = {}  # (module, function) -> its finalizer


def call_at_end(function):
    """Has ``function()`` called when this process ends in another way than through ``atexit``."""
    for name, hook in HOOKS.items():
        # Whoever is a child of theirs has loaded it; nobody else needs it.
        if module := sys.modules.get(name):
            hook(module, function)


def add_finalizer(util, function):
    """Among what ``multiprocessing`` and ``billiard`` do in a child before ``os._exit``."""
    place = util.__name__, function
    if place not in _finalizers:
        # A child begins by forgetting all finalizers, also those of what it imported or emitted so far.
        util.register_after_fork(function, partial(add_finalizer, util))
    elif _finalizers[place].still_active():
        return
    _finalizers[place] = util.Finalize(None, partial(call_last, function), exitpriority=LAST)


def call_last(function):
    """``function()`` now, and once more after the threads that outlive the finalizers of a child."""
    function()
    here = threading.current_thread()
    others = [thread for thread in threading.enumerate() if not thread.daemon and thread is not here]
    if others:
        # No daemon, so the child waits for it too.
        threading.Thread(target=follow, args=(others, function), name=__name__).start()


def follow(threads, function):
    """``function()`` once the threads have ended."""
    for thread in threads:
        thread.join()
    function()


def connect_celery(signals, function):
    """Before a pool process of Celery ends by ``os._exit``, without its finalizers."""
    signals.worker_process_shutdown.connect(lambda **_: function(), weak=False, dispatch_uid=__name__)


HOOKS = {
    "multiprocessing.util": add_finalizer,
    "billiard.util": add_finalizer,
    "celery.signals": connect_celery,
}


def before_signal(number, function, patience):
    """Has ``function()`` called, for at most ``patience`` s, before what the signal does now.

    A signal that is ignored stays ignored. A handler that stands is called afterwards; where there is
    none the process ends by the signal, as it would have. For the main thread only.
    """
    former = signal.getsignal(number)
    if former is signal.SIG_IGN or getattr(former, "is_ours", False):
        return

    def handle(signum, frame):
        # In a thread: what the signal interrupted may hold the lock that is needed.
        thread = threading.Thread(target=function, name="metrics_app.ends", daemon=True)
        thread.start()
        thread.join(patience)
        if callable(former):
            former(signum, frame)
        else:
            signal.signal(signum, signal.SIG_DFL)
            os.kill(os.getpid(), signum)

    handle.is_ours = True
    signal.signal(number, handle)
