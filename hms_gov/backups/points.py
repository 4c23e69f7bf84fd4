"""The file of what Redis held: one key behind the other, in bounded memory."""

import itertools

import msgpack

from hms_gov.backups.manifest import create
from metrics_app.window import backup

NAME = "redis.msgpack"
LARGEST = 2**31 - 1  # bytes of one key


def write_keys(directory, snapshot):
    """Writes a Snapshot and the marks of its moments; how many keys."""
    packer, count = msgpack.Packer(), 0
    with create(directory / NAME) as file:
        for kept in itertools.chain(snapshot.keys, backup.read_marks(snapshot.moments)):
            file.write(packer.pack(tuple(kept)))
            count += 1
    return count


def read_keys(directory):
    """Yields the Kept of each key."""
    with (directory / NAME).open("rb") as file:
        for row in msgpack.Unpacker(file, max_buffer_size=LARGEST):
            yield backup.Kept(*row)
