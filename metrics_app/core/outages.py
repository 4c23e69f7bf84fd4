"""What a process knows of the parts it stands on: up, or down since when; and what a log says of it.

Two lines per outage, however many attempts fail meanwhile: one when a part goes, one when it is back.
"""

from collections import Counter
from dataclasses import dataclass, field

from metrics_app.core.text.counts import count_words
from metrics_app.core.text.units import format_duration

STRAGGLE = 10.0  # seconds after a part is back in which a failure is taken for one that began before
LOUDEST = 3  # loggers named in the line that tells how much was held back


@dataclass
class Part:
    """One part as this process sees it; moments are seconds of a clock that only goes forward."""

    name: str
    down_since: float | None = None
    back_at: float = float("-inf")
    held: Counter = field(default_factory=Counter)
    watched: bool = False  # whether somebody looks for its return

    def fail(self, source, now, waited=0.0):
        """Notes a failure that the logger ``source`` tells of; True where it is the first of an outage.

        ``waited``: seconds for which nothing had answered by then. A server that is frozen is away since
        then, not since whoever asked gave up, and the first to give up is not always who waited longest.
        """
        is_news = self.down_since is None and now - self.back_at > STRAGGLE
        if is_news or self.down_since is not None:
            since = max(now - waited, self.back_at)
            self.down_since = since if is_news else min(self.down_since, since)
        if not is_news:
            self.held[source] += 1
        return is_news

    def is_disturbed(self, now):
        """Whether it is away, or was until a moment ago."""
        return self.down_since is not None or now - self.back_at <= STRAGGLE

    def stay_away(self, now):
        """A look at a part that was back a moment ago found it away; True where that is news."""
        if self.down_since is not None:
            return False
        self.down_since = now
        return True

    def come_back(self, now):
        """Ends an outage; the sentence that tells of it, "" where there was none."""
        if self.down_since is None:
            return ""
        away, self.down_since, self.back_at = now - self.down_since, None, now
        held, self.held = self.held, Counter()
        return f"{self.name} is back after {format_duration(round(away, 1))}{tell_held(held)}."


def tell_held(held):
    """ "; 412 messages were held back (django.request 390, …)" of a Counter by logger, or ""."""
    if not held:
        return ""
    loudest = ", ".join(f"{name} {count:,}" for name, count in held.most_common(LOUDEST))
    more = ", …" if len(held) > LOUDEST else ""
    count = held.total()
    return f"; {count_words(count, 'message')} held back ({loudest}{more})"
