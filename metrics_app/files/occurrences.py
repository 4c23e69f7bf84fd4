"""How often each row of a file has come: the number that tells equal rows apart."""

import json
import sqlite3
from collections import Counter

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

    def name_points(self, points):
        """Ids for ``(topic, ts, value)`` of points without any: what each is, and how often it came before.

        They do not depend on the order of rows and columns, on columns that are not read, nor on
        the format of the file and how it writes a number or a time.
        """
        # Of the two zeros of a float there is one here.
        keys = [f"{topic} {ts} {value + 0.0!r}" for topic, ts, value in points]
        return [f"row {key} {n}" for key, n in zip(keys, self.number(keys), strict=True)]
