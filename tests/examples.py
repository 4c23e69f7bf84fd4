"""How many examples hypothesis tries: all in `make test-long`, a third in `make test`."""

import os

FULL = os.environ.get("HMS_TESTS") == "full"


def examples(count):
    """``count`` in a long run, a third of it in any other."""
    return count if FULL else max(count // 3, 8)
