"""How often each row of a file has come: the number that tells equal rows apart."""

import hashlib
import json
import sqlite3
from collections import Counter

import msgspec

CACHE = 16_384  # KiB of memory; the rest lies in a temporary file
TAKE = """
    INSERT INTO seen (key, n) SELECT value ->> 0, value ->> 1 FROM json_each(?) WHERE true
    ON CONFLICT (key) DO UPDATE SET n = n + excluded.n RETURNING key, n
"""


class Occurrences:
    """Counts keys on disk: a file of many gigabytes takes no more memory than a small one.

    It is gone with the process. Use it in one thread.
    """

    def __init__(self):
        # SQLite's own temporary file: without a name, so that nobody has to remove it.
        self.store = sqlite3.connect("", isolation_level=None)
        for pragma in ("journal_mode = OFF", "synchronous = OFF", f"cache_size = -{CACHE}"):
            self.store.execute(f"PRAGMA {pragma}")
        self.store.execute("CREATE TABLE seen (key TEXT PRIMARY KEY, n INTEGER) WITHOUT ROWID")

    def number(self, keys):
        """How often each of the ``keys`` (texts) came before it, in these calls and in ``keys``; a list."""
        counts = Counter(keys)
        totals = self.store.execute(TAKE, [json.dumps(list(counts.items()))])
        following = {key: total - counts[key] for key, total in totals}
        found = []
        for key in keys:
            found.append(following[key])
            following[key] += 1
        return found


def digest_cells(cells):
    """A name for the texts of a row: 32 hexadecimal characters."""
    # As JSON, in which no two cells can pass for one.
    return hashlib.blake2b(msgspec.json.encode(cells), digest_size=16).hexdigest()
