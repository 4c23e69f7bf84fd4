"""Whether anybody still judges: the one rule that lights, answers and streams go by."""

import time
from typing import NamedTuple

from metrics_app.clock import redis_now
from metrics_app.exceptions import BusUnavailable
from metrics_app.queries.logs import collected_through, shard_for
from metrics_app.queries.worked import read_judged

BEHIND_AFTER = 10_000  # ms the collected-through mark may lag before figures are said to stand still
# ms that mark, a slot or the evaluator may lag before nobody is said to judge. With the second between two
# rounds no light that says otherwise is older than five seconds. A round takes a third of one with 10,000
# thresholds due at once: what lags by four is not slow, it is away, or the machine is.
GRACE = 4_000


class Clock(NamedTuple):
    """By what it is told whether anybody still judges: ms, and ``{shard: ms}`` up to which is collected.

    ``through`` is None where Redis cannot be asked: then nobody knows what came, and nothing is judged.
    ``judged`` is when (ms) the evaluator last completed a round, 0 before it ever did: until then it had
    also looked at those whose next slot is far off.
    """

    now: int
    through: dict | None
    judged: int = 0

    def find_mark(self, topic):
        """The collected-through mark of a topic (ms); 0 before a collector ever ran, None if unknown."""
        return None if self.through is None else self.through.get(shard_for(topic), 0)

    @property
    def is_idle(self):
        """Whether nobody judges anything: also a rule whose next slot is not due yet would not be."""
        return self.now - self.judged > GRACE

    @property
    def stands(self):
        """What does not move: ``(whether the evaluator, shards)``; None where Redis cannot be asked."""
        if self.through is None:
            return None
        behind = [shard for shard, mark in self.through.items() if self.now - mark > GRACE]
        return self.is_idle, frozenset(behind)

    @property
    def lasts(self):
        """For how many ms nothing of it can come to stand that moves now."""
        moments = [at for at in (self.judged, *(self.through or {}).values()) if self.now - at <= GRACE]
        return min(moments, default=self.now) + GRACE - self.now

    def describe(self):
        """``now``, ``through``, ``judged`` (ms) and whether anybody ``judges``, as pages are told them.

        ``through`` is 0 before anything was ever counted, ``judged`` None before anybody ever judged.
        """
        through, judged = min(self.through.values()), self.judged or None
        return {"now": self.now, "through": through, "judged": judged, "judges": not self.is_idle}

    def find_known(self, topic, row):
        """Up to when (ms) a rule has been watched as it should; ``row``: its ``due_at`` and ``last_slot``.

        Where it is not any more that is the first of: points were collected up to there, a slot was due
        that nobody judged, the evaluator had completed its last round.
        """
        mark = self.find_mark(topic)
        if mark is None:
            # Nobody can say whether any points came, nor who has looked.
            return row.last_slot
        due_at = row.due_at or mark
        if self.now - mark <= GRACE and mark - due_at <= GRACE and not self.is_idle:
            return mark
        # What stood still first: nothing of it moves while that stands still, whatever stops after it.
        return min(mark, due_at, self.judged) if self.is_idle else min(mark, due_at)

    def find_unjudged(self, topic, row):
        """Since when (ms) nobody judges a rule, at least the slot judged last; None where somebody does."""
        known = self.find_known(topic, row)
        return max(known, row.last_slot) if self.now - known > GRACE else None

    def find_kept(self, topic, row, *, is_enabled, is_judged=True):
        """Since when (ms) the state in a row is only what was kept; None where somebody judges it.

        Of a rule that is switched off that is since then (its ``since``): nobody judges it, by intent. Of
        one that nobody judged since it was made or switched on, since then.
        """
        if not (is_enabled and is_judged):
            return max(row.since or 0, row.last_slot)
        return self.find_unjudged(topic, row)


def read_clock(now=None):
    """The Clock of this moment, or of ``now`` (ms); without marks while Redis is away."""
    try:
        return Clock(redis_now() if now is None else now, collected_through(), read_judged())
    except BusUnavailable:
        return Clock(int(time.time() * 1000) if now is None else now, None)
