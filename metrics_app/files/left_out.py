"""Rows of a file that are left out: counted, the first of them named, and how many are too many."""

from metrics_app.core.text.counts import agree, count_words
from metrics_app.exceptions import BadInput

NAMED = 10
MOST_BAD = 0  # per cent of the rows that every command leaves out unless it is told otherwise


class LeftOut:
    """How many rows were left out, and ``named``: ``(line, reason)`` of the first of them."""

    def __init__(self):
        self.count, self.named = 0, []

    def add(self, line, reason):
        """One row more."""
        self.count += 1
        if len(self.named) < NAMED:
            self.named.append((line, reason))

    def tell(self):
        """A line of text for each that is named, and for the others together."""
        told = [f"  line {line}: {reason}" for line, reason in self.named]
        more = self.count - len(self.named)
        return [*told, f"  … and {more:,} more"] if more else told

    def describe(self):
        """``count``, and ``named`` with ``line`` and ``reason``."""
        named = [{"line": line, "reason": reason} for line, reason in self.named]
        return {"count": self.count, "named": named}


def check_share(rows, bad, most):
    """BadInput where of so many ``rows`` none, or more than ``most`` per cent, could not be read.

    Exactly so many may be left out; of a file of which no row can be read nothing is ever taken.
    """
    if not rows:
        raise BadInput("it holds no row at all below its header")
    if bad == rows:
        raise BadInput(f"not one of its {count_words(rows, 'row')} can be read")
    if bad and not most:
        raise BadInput(
            f"{bad:,} of {rows:,} rows {agree(bad)} bad: mend them, or leave them out with --skip-bad, "
            "or with --max-bad where they are no more than so many per cent"
        )
    if bad * 100 > most * rows:
        raise BadInput(
            f"{bad:,} of {rows:,} rows cannot be read, more than {most:g} %: "
            "mend them, or say with --max-bad how many per cent may be left out"
        )
