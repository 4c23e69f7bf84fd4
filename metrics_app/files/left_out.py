"""Rows of a file that are left out: counted, the first of them named, and how many are too many."""

from metrics_app.core.text.phrases import count_words
from metrics_app.exceptions import BadInput

NAMED = 10


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


def check_share(rows, bad, most):
    """BadInput where of so many ``rows`` none, or more than ``most`` per cent, could not be read."""
    if not rows:
        raise BadInput("it holds no row at all below its header")
    if bad == rows:
        raise BadInput(f"not one of its {count_words(rows, 'row')} can be read")
    if bad * 100 > most * rows:
        raise BadInput(
            f"{bad:,} of {rows:,} rows cannot be read, more than {most:g} %: "
            "mend them, or say with --max-bad how many per cent may be left out"
        )
