"""Partners in Redis: tickets, the seats of their open streams, and how often they knock.

A ticket opens one stream once, within ``TICKET_SECONDS``. Redis holds its hash, so
that who reads Redis holds no tickets; a used one is remembered by its key for a day,
so that a page that comes back with it can be told that the key was revoked.
"""

import re
import secrets
import time
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from metrics_app import conf
from metrics_app.connection import get_redis, guard
from metrics_app.lua import read_script

TICKET_SECONDS = 30
REMEMBERED = 86_400  # seconds that a used ticket is known as used
RAW_TICKET = re.compile(r"hmst_[A-Za-z0-9_-]{43}\Z")
SEAT_SECONDS = 10  # a seat nobody renews for so long is free: its process has died
MINUTE = 60
SEATS = read_script("seats")


@dataclass(frozen=True)
class Ticket:
    """What a ticket opens: a key's streams, from one origin ("": from a program), for some topics."""

    key_id: int
    origin: str = ""
    topics: tuple = ()


def name_key(kind, name):
    """A key in Redis that belongs to no shard."""
    return f"{conf.get('REDIS_PREFIX')}:{kind}:{name}"


def hash_ticket(raw):
    """The only form in which a ticket is stored."""
    return sha256(raw.encode()).hexdigest()


@guard()
def issue_ticket(ticket):
    """A raw ticket, good once within ``TICKET_SECONDS``; BusUnavailable."""
    raw = "hmst_" + secrets.token_urlsafe(32)
    get_redis().set(name_key("ticket", hash_ticket(raw)), msgspec.json.encode(ticket), ex=TICKET_SECONDS)
    return raw


@guard()
def redeem_ticket(raw):
    """The Ticket, which is used up by this; None for one that is unknown, used or too old."""
    if not RAW_TICKET.match(raw):
        return None
    digest = hash_ticket(raw)
    packed = get_redis().getdel(name_key("ticket", digest))
    if packed is None:
        return None
    get_redis().set(name_key("used_ticket", digest), packed, ex=REMEMBERED)
    return msgspec.json.decode(packed, type=Ticket)


@guard()
def find_used(raw):
    """The Ticket that a used one was, within a day; else None."""
    packed = get_redis().get(name_key("used_ticket", hash_ticket(raw)))
    return packed and msgspec.json.decode(packed, type=Ticket)


@guard()
def count_request(key_id, limit):
    """Counts a request of this minute; seconds until it may come again, 0 while within ``limit``."""
    now = int(time.time())
    name = name_key("requests", f"{key_id}:{now // MINUTE}")
    pipe = get_redis().pipeline(transaction=True)
    pipe.incr(name)
    pipe.expire(name, 2 * MINUTE)
    count, _ = pipe.execute()
    return MINUTE - now % MINUTE if count > limit else 0


def name_seat():
    """A new seat; names sort by when they were made."""
    return f"{time.time_ns() // 1_000_000:015d}:{secrets.token_hex(8)}"


@guard()
def keep_seats(key_id, limit, seats):
    """Takes or renews seats of this process; the set of those that must go, the oldest beyond ``limit``."""
    name, milliseconds = name_key("seats", key_id), SEAT_SECONDS * 1000
    return {seat.decode() for seat in get_redis().eval(SEATS, 1, name, milliseconds, limit, *seats)}


@guard()
def leave_seat(key_id, seat):
    """Frees the seat of a stream that has ended."""
    get_redis().zrem(name_key("seats", key_id), seat)
