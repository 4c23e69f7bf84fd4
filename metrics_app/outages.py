"""One line in the log when a part is away, one when it is back: database, Redis, channel layer, broker.

A database that is read and takes no writes is a part of its own.
``OutageFilter`` stands on the handlers of a project's ``LOGGING``. It knows an outage by the exception
that a message carries, as ``exc_info`` or among its arguments; the first becomes one line without a
traceback, the others are counted, and a thread asks the part each second until it answers. An error of
any other kind passes as it is, also while a part is away.
"""

import logging
import os
import threading
import time

from metrics_app.core.outages import Part
from metrics_app.forks import free_in_children
from metrics_app.servers import (
    BROKER,
    DATABASE,
    NAMES,
    REDIS,
    WRITES,
    find_address,
    find_outage,
    find_wait,
    look_at,
)

logger = logging.getLogger(__name__)

PAUSE = 1.0  # seconds between two looks at a part that is away
# What these say without an exception while the part is away is about nothing else.
ECHOES = {BROKER: ("celery.beat", "celery.worker.consumer", "kombu")}


class Outages:
    """The parts of this process; ``look`` asks one of them and raises while it does not answer."""

    def __init__(self, look=None, clock=time.monotonic):
        self.look, self.clock = look or look_at, clock
        self.parts, self.lock = {}, free_in_children(threading.RLock())

    def judge(self, record):
        """Whether a record is to be written; the first of an outage is told in its one line instead."""
        if not hasattr(record, "outage"):
            # Only once, however many handlers there are.
            kind, error = find_outage(record)
            record.outage = self.note(record, kind, error) if kind else not self.is_echo(record)
        return record.outage

    def note(self, record, kind, error):
        """Counts a failure of a part and tells of the first; False, for the record itself is held back."""
        with self.lock:
            part = self.find_part(kind)
            news = part.fail(record.name, self.clock(), find_wait(error))
        if news:
            tell_away(part, error)
        self.watch(kind)
        return False

    def see_readiness(self, parts):
        """Tells of each part of ``/readyz`` that has just become unready, or is ready again.

        Not of the two whose own errors tell, nor of any other while one of them is away: what cannot
        be asked then is no news, and what has to catch up for a moment afterwards is none either. A part
        that is not named any more counts as ready.
        """
        if not all(parts[name]["ok"] for name in {DATABASE, REDIS} & parts.keys()) or self.is_disturbed():
            return
        known = {name.removeprefix("readyz ") for name in self.parts if name.startswith("readyz ")}
        for name in sorted((parts.keys() | known) - {DATABASE, REDIS}):
            found, news = parts.get(name, {"ok": True}), False
            with self.lock:
                part = self.parts.setdefault(f"readyz {name}", Part(f"The part {name}"))
                told = part.come_back(self.clock()) if found["ok"] else ""
                if not found["ok"]:
                    news = part.fail("readyz", self.clock())
            if news:
                logger.error("%s is not ready: %s.", part.name, tell_unready(found), extra={"outage": True})
            if told:
                logger.warning("%s", told, extra={"outage": True})

    def is_disturbed(self):
        """Whether the database (also for writing) or Redis is away, or was until a moment ago."""
        with self.lock:
            return any(self.find_part(kind).is_disturbed(self.clock()) for kind in (DATABASE, WRITES, REDIS))

    def find_part(self, kind):
        """The Part of a kind; kinds that share a server are one."""
        address = find_address(kind) or kind
        return self.parts.setdefault(address, Part(NAMES[REDIS if address == find_address(REDIS) else kind]))

    def is_echo(self, record):
        """Whether a record without an exception only repeats that a part is away."""
        if getattr(record, "status_code", None) == 503 and not record.exc_info:
            return self.hold(record, list(self.parts.values()))
        if record.name == "daphne.server" and record.levelno == logging.WARNING:
            # Of each request that waits for the part while its client has left, again each second.
            return self.hold(record, list(self.parts.values()))
        for kind, names in ECHOES.items():
            if record.name.startswith(names) and record.levelno <= logging.WARNING and not record.exc_info:
                return self.hold(record, [self.find_part(kind)])
        return False

    def hold(self, record, parts):
        """Counts a record with the first of some parts that is away, or was just now; False where none is."""
        for part in parts:
            if part.is_disturbed(self.clock()):
                part.held[record.name] += 1
                return True
        return False

    def watch(self, kind):
        """Starts the thread that sees a part come back, where none runs."""
        with self.lock:
            part = self.find_part(kind)
            if part.watched:
                return
            part.watched = True
        threading.Thread(target=self.follow, args=(kind,), name=f"outage of {kind}", daemon=True).start()

    def follow(self, kind):
        """Looks until the part answers; what seemed a straggler is told once the part is found away."""
        while error := self.ask(kind):
            with self.lock:
                part = self.find_part(kind)
                news = part.stay_away(self.clock())
            if news:
                tell_away(part, error)
            time.sleep(PAUSE)
        with self.lock:
            part = self.find_part(kind)
            part.watched = False
            told = part.come_back(self.clock())
        if told:
            logger.warning("%s", told, extra={"outage": True})

    def ask(self, kind):
        """The error of a look at a part, None where it answers."""
        try:
            self.look(kind)
        # A driver may be any package, and whatever it says of its server, the server does not answer.
        except Exception as error:
            return error
        return None


def tell_away(part, error):
    """Logs ``Redis is away: Error 111 …``, in one line."""
    told = getattr(error, "detail", "") or str(error)
    reason = " ".join(told.split()).rstrip(".") or type(error).__name__
    text = f"{part.name} is away: {reason}. What fails because of it is held back until it answers."
    logger.error("%s", text, extra={"outage": True})


def tell_unready(found):
    """What ``/readyz`` has to say of a part besides that it is not ok."""
    return ", ".join(f"{name} {value}" for name, value in found.items() if name != "ok") or "no reason given"


class OutageFilter(logging.Filter):
    """Holds back what a part that is away makes others say."""

    def filter(self, record):
        """Whether the record is written."""
        return outages.judge(record)


def hush(logger):
    """Puts the filter on the handlers of a logger that was not configured by ``LOGGING``."""
    for handler in logger.handlers:
        if not any(isinstance(each, OutageFilter) for each in handler.filters):
            handler.addFilter(OutageFilter())


outages = Outages()
# The child of a fork has no thread that watches, and a lock that another thread held would stay locked.
os.register_at_fork(after_in_child=outages.__init__)
