"""The way to Redis: one pool per address, process and patience, and errors that instruct.

What a request waits for is answered within ``REDIS_SECONDS`` or fails; once Redis was found silent
all fail at once until it answers (``breaker``). Work that nobody waits for has more patience.
"""

import os
import time
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.exceptions import ExecAbortError
from redis.retry import Retry

from metrics_app import conf
from metrics_app.breaker import Breaker
from metrics_app.exceptions import BusUnavailable

CONNECT_PATIENCE = 1  # seconds
WORK_PATIENCE = 10  # seconds work in the background waits; longer than any blocking read
# Answers of a server that is there and cannot serve just now.
REFUSALS = ("OOM", "LOADING", "READONLY", "MISCONF", "MASTERDOWN", "BUSY", "CLUSTERDOWN", "NOREPLICAS")

clients, breakers = {}, {}
answered = {"at": float("-inf")}  # monotonic seconds of Redis' last answer, per process
_works = ContextVar("works", default=False)


class Once(Retry):
    """Tries a command once: one whose answer was lost may have been carried out. Silence is noted."""

    def __init__(self, breaker):
        super().__init__(NoBackoff(), 0)
        self.breaker = breaker

    def __deepcopy__(self, memo):
        """Each connection takes a copy, and all of them are one server's."""
        return self

    def call_with_retry(self, *args, **kwargs):
        """As the driver wants it; Silent while the server is."""
        with self.breaker.watch():
            return super().call_with_retry(*args, **kwargs)


class Pool(redis.ConnectionPool):
    """Connections to a server that may be silent: also the greeting of a new one is an answer."""

    def __init__(self, *, breaker, **options):
        super().__init__(retry=Once(breaker), **options)
        self.breaker = breaker

    def get_connection(self, *args, **kwargs):
        """One that is connected; Silent while the server is."""
        with self.breaker.watch():
            return super().get_connection(*args, **kwargs)


@contextmanager
def patiently():
    """Around work that no request waits for, and whose questions to Redis are large; also a decorator."""
    token = _works.set(True)
    try:
        yield
    finally:
        _works.reset(token)


def get_redis():
    """The Redis client of this process for ``REDIS_URL``; answers are bytes, and nothing is retried."""
    url = conf.get("REDIS_URL")
    if not url:
        detail = "No Redis: set REDIS_URL, or start one with `manage.py demo`."
        raise BusUnavailable("Redis does not answer.", detail=detail)
    patience = WORK_PATIENCE if _works.get() else conf.get("REDIS_SECONDS")
    name = (url, os.getpid(), patience)
    # The first one stays, whichever thread asks: a client that is let go closes the connections
    # of its pool, also one that a thread is reading from.
    return clients.get(name) or clients.setdefault(name, make_client(url, patience))


def make_client(url, patience):
    """A client with a pool of its own, whose questions wait ``patience`` seconds for an answer."""
    times = {"socket_connect_timeout": min(CONNECT_PATIENCE, patience), "socket_timeout": patience}
    return redis.Redis.from_pool(Pool.from_url(url, breaker=find_breaker(url), **times))


def find_breaker(url):
    """What this process knows of a server's silence, whoever met it."""
    name = (url, os.getpid())
    return breakers.get(name) or breakers.setdefault(name, Breaker(partial(ask, url)))


def ask(url):
    """Asks a server in a connection of its own, as long as a request would; redis.RedisError."""
    patience = conf.get("REDIS_SECONDS")
    ping(url, connect=min(CONNECT_PATIENCE, patience), answer=patience)


def ping(url, *, connect, answer):
    """Asks a server once, in a connection of its own, with these seconds of patience; redis.RedisError."""
    times = {"socket_connect_timeout": connect, "socket_timeout": answer}
    with redis.Redis.from_url(url, retry=Retry(NoBackoff(), 0), **times) as client:
        client.ping()


def key(shard, name):
    """The key of a shard: the shard is a hash tag, so all of its keys share a Cluster node."""
    return f"{{{conf.get('REDIS_PREFIX')}:{shard}}}:{name}"


def name_key(kind, name):
    """A key that belongs to no shard."""
    return f"{conf.get('REDIS_PREFIX')}:{kind}:{name}"


def tell_address():
    """``redis://host:port`` without user and password."""
    parts = urlsplit(conf.get("REDIS_URL"))
    return f"{parts.scheme}://{parts.hostname or ''}:{parts.port or 6379}"


@contextmanager
def guard():
    """Turns what Redis cannot do now into BusUnavailable; also a decorator.

    The error's ``waited`` is for how many seconds nothing had answered: since this began, or since the last
    answer that the process got meanwhile.
    """
    began = time.monotonic()
    try:
        yield
    except (redis.ConnectionError, redis.TimeoutError, ExecAbortError) as error:
        raise unavailable(error, began) from error
    except redis.ResponseError as error:
        if not is_refusal(error):
            raise
        raise unavailable(error, began) from error
    answered["at"] = time.monotonic()


def is_refusal(error):
    """Whether an error answer means "not now" rather than "never"."""
    refused = (redis.OutOfMemoryError, redis.ReadOnlyError, redis.BusyLoadingError)
    text = str(error)
    return isinstance(error, refused) or any(f"{word} " in text for word in REFUSALS)


def unavailable(error, began):
    """The BusUnavailable of a call that ``began`` then (monotonic s): where Redis is, and what to do."""
    waited = time.monotonic() - max(began, answered["at"])
    if isinstance(error, redis.OutOfMemoryError) or "OOM" in str(error):
        todo = "start `manage.py collect`, or give it more memory"
        detail = f"Redis at {tell_address()} ({error}): {todo}."
        return BusUnavailable("Redis is full.", detail=detail, waited=waited)
    detail = f"No Redis at {tell_address()} ({error}): start it or set REDIS_URL."
    return BusUnavailable("Redis does not answer.", detail=detail, waited=waited)
