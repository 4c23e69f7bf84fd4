"""Tickets in Redis: one opens one stream once, within ``TICKET_SECONDS``.

Redis holds a ticket's hash, so that who reads Redis holds no tickets; a used one is
remembered by its key for a day, so that a page that comes back with it can be told
that the key was revoked.
"""

import re
import secrets
from dataclasses import dataclass
from hashlib import sha256

import msgspec

from metrics_app.connection import get_redis, guard, name_key

TICKET_SECONDS = 30
REMEMBERED = 86_400  # seconds that a used ticket is known as used
RAW_TICKET = re.compile(r"hmst_[A-Za-z0-9_-]{43}\Z")


@dataclass(frozen=True)
class Ticket:
    """What a ticket opens: a key's streams, from one origin ("": from a program), for some topics."""

    key_id: int
    origin: str = ""
    topics: tuple = ()


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
