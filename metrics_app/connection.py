"""The way to Redis: one pool per address and process, and errors that instruct."""

import os
import time
from contextlib import contextmanager
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.exceptions import ExecAbortError
from redis.retry import Retry

from metrics_app import conf
from metrics_app.exceptions import BusUnavailable

CONNECT_PATIENCE = 1  # seconds
ANSWER_PATIENCE = 10  # seconds; longer than any blocking read
# Answers of a server that is there and cannot serve just now.
REFUSALS = ("OOM", "LOADING", "READONLY", "MISCONF", "MASTERDOWN", "BUSY", "CLUSTERDOWN", "NOREPLICAS")

clients = {}
answered = {"at": float("-inf")}  # monotonic seconds of Redis' last answer, per process


def get_redis():
    """The Redis client of this process for ``REDIS_URL``; answers are bytes.

    Nothing is retried by itself: a publish whose answer was lost may have happened.
    """
    url = conf.get("REDIS_URL")
    if not url:
        detail = "No Redis: set REDIS_URL, or start one with `manage.py demo`."
        raise BusUnavailable("Redis does not answer.", detail=detail)
    name = (url, os.getpid())
    # The first one stays, whichever thread asks: a client that is let go closes the connections
    # of its pool, also one that a thread is reading from.
    return clients.get(name) or clients.setdefault(name, make_client(url))


def make_client(url):
    """A client with a pool of its own."""
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=CONNECT_PATIENCE,
        socket_timeout=ANSWER_PATIENCE,
        retry=Retry(NoBackoff(), 0),
    )


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
