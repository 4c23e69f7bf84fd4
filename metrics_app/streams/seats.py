"""The seats of partners' open streams: a key has a limit of them over all processes."""

import secrets
import time

from metrics_app.connection import get_redis, guard, name_key
from metrics_app.lua import read_script

SEAT_SECONDS = 10  # a seat nobody renews for so long is free: its process has died
SEATS = read_script("seats")


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
