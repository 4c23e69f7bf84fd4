"""The servers that streams are promised on, as far as their end concerns streams.

Neither tells an application that it is about to stop: uvicorn's lifespan says so once every
connection has ended, which no stream does by itself, and Daphne cancels what runs. Both go by a
signal, and are found by the handler they have set for it.
"""

import asyncio
import signal
import sys
import threading

LOOK = 0.05  # seconds between two looks at what still runs
SETTLE = 0.2  # seconds for requests to be read of connections that were just taken


def find_host():
    """The Uvicorn or Daphne that goes by this process's signals; None where it is neither."""
    # In another thread no server sets handlers: those that are set are somebody else's.
    if threading.current_thread() is not threading.main_thread():
        return None
    owner = find_owner(signal.SIGTERM)
    uvicorn, reactor = sys.modules.get("uvicorn"), sys.modules.get("twisted.internet.reactor")
    if uvicorn is not None and isinstance(owner, uvicorn.Server):
        return Uvicorn(owner)
    return Daphne(owner) if owner is not None and owner is reactor else None


def find_owner(number):
    """Whose method handles a signal; None where that is no method."""
    return getattr(signal.getsignal(number), "__self__", None)


async def wait_until(is_done, seconds):
    """Returns once ``is_done()``, or after so many seconds."""
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while not is_done() and loop.time() < end:
        await asyncio.sleep(LOOK)


class Uvicorn:
    """uvicorn's Server, also as a worker of gunicorn. It waits by itself for requests it has read."""

    def __init__(self, owner):
        self.owner, self.config = owner, owner.config
        self.is_ours = self.config.timeout_graceful_shutdown is None

    def bound(self, seconds):
        """It waits no longer than this for requests, unless it was told how long."""
        if self.is_ours:
            self.config.timeout_graceful_shutdown = seconds

    def is_leaving(self):
        """Whether it stops without a signal, as it does after ``--limit-max-requests``."""
        return self.owner.started and not all(listener.is_serving() for listener in self.owner.servers)

    async def drain(self, seconds):
        """Takes no more connections, and reads what those it has taken ask: it would close them unread."""
        for listener in getattr(self.owner, "servers", ()):
            listener.close()
        await asyncio.sleep(SETTLE)


class Daphne:
    """Twisted's reactor, under Daphne. It cancels what is under way as soon as it hears of the end."""

    def __init__(self, owner):
        self.owner = owner

    def bound(self, seconds):
        """Nothing: it waits for nobody."""

    def is_leaving(self):
        """False: it stops by a signal only."""
        return False

    async def drain(self, seconds):
        """Takes no more connections; returns once every request is answered, or after so many seconds."""
        ports = {port: server for port in self.owner.getReaders() if (server := find_daphne(port))}
        for port in ports:
            port.stopListening()
        await asyncio.sleep(SETTLE)
        await wait_until(lambda: not any(map(is_busy, ports.values())), seconds)


def find_daphne(port):
    """The ``daphne.server.Server`` behind an open port; None for all else a reactor reads from."""
    factory = getattr(port, "factory", None)
    # Under TLS it is wrapped.
    factory = getattr(factory, "wrappedFactory", factory)
    return getattr(factory, "server", None) if hasattr(port, "stopListening") else None


def is_busy(server):
    """Whether a request of Daphne's is not answered yet; one that has not come whole does not count."""
    return any(
        "application_instance" in details and "disconnected" not in details
        for details in server.connections.values()
    )
