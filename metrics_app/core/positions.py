"""Positions: where a reader stands in the logs, as text that a client gives back.

One topic: ``<epoch>:<offset>``. Several: one record of 20 characters per topic,
opaque to the client, so that the id of any event carries every topic's position.
"""

import base64
import re
import struct
from zlib import crc32

POSITION = re.compile(r"([0-9a-f]{8}):([0-9]{1,16})\Z")
# 15 bytes are 20 characters of base64 without padding, so records can be joined as text.
RECORD = struct.Struct(">I4s7s")
RECORD_CHARS = 20
# The position of a stream whose patterns match no topic yet.
NOWHERE = "A" * RECORD_CHARS
MAX_TOPICS = 200  # topics whose records fit into 4 KB


def format_position(epoch, offset):
    """The text of a position; ``epoch`` is 8 hex digits."""
    return f"{epoch}:{offset}"


def parse_position(text):
    """``(epoch, offset)``, or None for anything that is not a position."""
    match = POSITION.match(text) if isinstance(text, str) else None
    return (match[1], int(match[2])) if match else None


def pack_position(topic, epoch, offset):
    """The record of one topic, 20 characters."""
    record = RECORD.pack(crc32(topic.encode()), bytes.fromhex(epoch), offset.to_bytes(7, "big"))
    return base64.urlsafe_b64encode(record).decode()


def unpack_positions(text, topics):
    """``{topic: (epoch, offset)}`` of those topics that ``text`` has a record of; {} for garbage.

    Two topics whose names have the same checksum have no position: better a reset
    than the points of another topic.
    """
    try:
        packed = base64.b64decode(text.encode(), altchars=b"-_", validate=True)
        fields = list(RECORD.iter_unpack(packed))
    except (ValueError, struct.error):
        return {}
    records = {name: (epoch.hex(), int.from_bytes(offset, "big")) for name, epoch, offset in fields}
    names = [crc32(topic.encode()) for topic in topics]
    pairs = zip(topics, names, strict=True)
    return {topic: records[name] for topic, name in pairs if name in records and names.count(name) == 1}
