"""One spelling for frozen data, and the hashes that hold it together."""

import hashlib
import json
from datetime import UTC

GENESIS = "0" * 64


def encode(data):
    """The one JSON text of ``data``: sorted, without spaces, ASCII only.

    ValueError for numbers that are not finite and for half a surrogate pair, TypeError
    for what JSON cannot say.
    The text, not the data, is stored and hashed: a database that keeps JSON its own
    way may hand back 1e22 as an integer, and the hash would no longer fit.
    """
    # Half a surrogate pair would be stored, but no answer could ever carry it.
    json.dumps(data, ensure_ascii=False).encode()
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)


def digest(text):
    """The SHA-256 of a text, as 64 hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def write_hashed(previous, *, seq, at, actor, event, pipeline, data):
    """The text of one audit entry that is hashed; it takes in the hash of the one before it.

    ``at`` is an aware datetime, or None where somebody wrote something else over it; ``data`` an encoded
    text, ``pipeline`` an id.
    """
    moment = at and at.astimezone(UTC).isoformat()
    return encode([previous, seq, moment, actor, event, pipeline, data])


def link(previous, **entry):
    """The hash of one audit entry, from the hash of the one before it and what ``write_hashed`` takes."""
    return digest(write_hashed(previous, **entry))
