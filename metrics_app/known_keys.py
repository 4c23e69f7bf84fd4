"""Keys as the database last answered, kept in Redis, where every process finds them while it is away.

An entry is found by a key's digest, never holds the key, and is signed with the project's
secret for this digest: whoever can only write to Redis cannot make one. It carries the
number of changes that its writer had seen *before* it asked the database, so that an
answer from before a revocation, written after it, counts for nothing. One that says something else
of a key than this code asks, as a version before or after it wrote, counts for nothing either.
"""

import logging
from dataclasses import dataclass, fields

import msgspec
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner

from metrics_app.connection import get_redis, guard, name_key
from metrics_app.core.durations import DAY_S
from metrics_app.core.who import Limits, Who
from metrics_app.exceptions import BusUnavailable

logger = logging.getLogger(__name__)

LIFE = 2 * DAY_S  # seconds since the database last confirmed it; an outage may last as long
REWRITE = 3600  # seconds after which an unchanged entry is confirmed again
# What an entry says of a key. Part of what is signed: a right that is new is asked of the database.
SAYS = ",".join(field.name for kind in (Who, Limits) for field in fields(kind))


@dataclass(frozen=True)
class Entry:
    """What Redis knows of a digest: how often it was changed, and who it is now, or None."""

    version: int
    who: Who | None
    is_old: bool = False  # it is time to confirm it


@guard()
def read(digest):
    """The ``Entry`` of a digest; BusUnavailable."""
    version, signed = get_redis().hmget(name_key("key", digest), "version", "who")
    version = int(version or 0)
    if signed is None:
        return Entry(version, None)
    signer = make_signer(digest)
    try:
        seen, _, text = signer.unsign(signed.decode(), max_age=LIFE).partition(":")
    except (BadSignature, UnicodeDecodeError):
        return Entry(version, None)
    who = msgspec.json.decode(text, type=Who) if seen == str(version) else None
    return Entry(version, who, is_past(signer, signed.decode()))


def is_past(signer, signed):
    """Whether a valid signature is over ``REWRITE`` seconds old."""
    try:
        signer.unsign(signed, max_age=REWRITE)
    except SignatureExpired:
        return True
    return False


@guard()
def write(digest, version, who):
    """Keeps a ``Who`` that was read from the database after ``version`` was; BusUnavailable."""
    name, text = name_key("key", digest), msgspec.json.encode(who).decode()
    pipe = get_redis().pipeline(transaction=True)
    pipe.hset(name, "who", make_signer(digest).sign(f"{version}:{text}"))
    pipe.expire(name, LIFE)
    pipe.execute()


def drop(digest):
    """Ends an entry and every one that is being written; says so where Redis is away."""
    name = name_key("key", digest)
    try:
        with guard():
            pipe = get_redis().pipeline(transaction=True)
            pipe.hincrby(name, "version", 1)
            pipe.hdel(name, "who")
            # As long as what a process may be about to write beside it.
            pipe.expire(name, LIFE)
            pipe.execute()
    except BusUnavailable as error:
        logger.warning("A changed key stays known in Redis until a process asks for it: %s", error)


def make_signer(digest):
    """Signs for one digest: an entry copied to another one is worth nothing."""
    return TimestampSigner(salt=f"metrics_app.known_keys:{SAYS}:{digest}")
