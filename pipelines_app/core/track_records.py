"""What is known of a suggestion from the times it was approved: its cases, and what they come to.

Pure: who may see which case, and whether it is as it was judged, others have asked.
"""

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property

from pipelines_app.core.counts import join_words
from pipelines_app.core.effect import LOWER, find_gain
from pipelines_app.core.effect_records import Effect
from pipelines_app.core.pooling import is_plain, is_poolable, pool, pool_plain
from pipelines_app.core.states import VERDICTS, State

PERCENT = "%"
TOGETHER, TOUCHED, UNJUDGED = "together", "touched", "unjudged"
BAD = (State.INEFFECTIVE, State.HARMFUL)
DID = {State.INEFFECTIVE: "had no effect", State.HARMFUL: "did harm"}
IN_A_ROW = 2  # times without effect after which the approach is to be reviewed
# What a case counts as; each has one of these.
KINDS = (*(state.value for state in (State.EFFECTIVE, *BAD, State.INCONCLUSIVE)), TOGETHER, TOUCHED, UNJUDGED)


@dataclass(frozen=True)
class Case:
    """One approved proposal: its ``verdict`` ("" until it is judged) and the Effect with its ``measure``.

    ``effect`` is None where nothing could be measured. ``harmed`` are the guardrails that it harmed,
    whatever it did to its KPI: by name in a Record, ``(topic, name)`` as they are read. ``touched``: it
    is not as it was judged; verdict and harm (by topic) are what the audit chain tells, ``lost``: not even
    that can be believed.
    ``begun_at`` (ms) is when it was carried out, for what has no effect; ``decided_at`` and
    ``judged_at`` say since when its approval and its verdict are known.
    """

    id: int
    verdict: str = ""
    effect: Effect | None = None
    measure: dict | None = None
    touched: bool = False
    harmed: tuple[str, ...] = ()
    lost: bool = False
    begun_at: int | None = None
    decided_at: datetime | None = None
    judged_at: datetime | None = None

    def look_back(self, moment):
        """The Case as it was known at a moment (None: now); None where it was not approved by then."""
        if moment is None:
            return self
        if self.decided_at is None or self.decided_at >= moment:
            return None
        if self.judged_at is None or self.judged_at < moment:
            return self
        return replace(self, verdict="", effect=None, measure=None, harmed=(), lost=False, judged_at=None)

    @property
    def did_harm(self):
        """Whether it harmed its KPI, or what must not be harmed beside it, or nobody can tell any more.

        Whoever edits the effect of a harmful action must not silence the warning.
        """
        told = self.verdict if self.touched else self.kind
        return self.lost or told == State.HARMFUL or (bool(self.harmed) and told in VERDICTS)

    @property
    def did_bad(self):
        """Whether it did harm, or helped nothing."""
        return self.did_harm or (self.verdict if self.touched else self.kind) in BAD

    @property
    def proved(self):
        """Whether it ends or lengthens a row; what was touched never speaks for an action."""
        return self.did_bad or self.kind == State.EFFECTIVE

    @property
    def kind(self):
        """What it counts as, of ``KINDS``: what shared its span with another action proves nothing."""
        if self.touched:
            return TOUCHED
        if self.effect is not None and self.effect.together:
            return TOGETHER
        return self.verdict or UNJUDGED


@dataclass(frozen=True)
class Pool:
    """What like cases come to: ``value`` with its 95 % interval, in per cent where ``is_ratio``.

    Else in ``unit``, the KPI's own. ``better`` is ``lower`` or ``higher``; ``cases`` are ids, ``tau``
    is that of ``pooling.Pooled``.
    """

    is_ratio: bool
    unit: str
    better: str
    cases: tuple[int, ...]
    value: float
    low: float
    high: float
    tau: float

    @property
    def is_harmful(self):
        """Whether the whole interval lies on the bad side."""
        return self.low > 0 if self.better == LOWER else self.high < 0

    @property
    def gain(self):
        """The change to the better, in ``unit``."""
        return find_gain(self.value, self.better)


@dataclass(frozen=True)
class Record:
    """The track record of one suggestion; ``cases`` are in the order in which they were begun."""

    cases: tuple[Case, ...] = ()

    def list_ids(self, kind):
        """The ids of the cases that count as ``kind``."""
        return tuple(case.id for case in self.cases if case.kind == kind)

    @cached_property
    def pools(self):
        """The Pools, that of the most cases first.

        Ratios are never mixed with changes in a unit, nor means with totals, nor one direction with
        the other. What is inconclusive because its interval is wide belongs to it: to leave it out
        would be to keep the lucky ones.
        """
        groups = defaultdict(list)
        for case in self.cases:
            if key := find_group(case):
                groups[key].append(case)
        found = [make_pool(key, cases) for key, cases in groups.items()]
        return tuple(sorted(found, key=lambda one: (-len(one.cases), -max(one.cases))))

    @property
    def review(self):
        """The cases because of which the approach is to be reviewed, oldest first; none where it is not.

        The last two that proved something, where neither helped; the last alone, where it did harm:
        nobody wants to be told of that the second time. What is inconclusive neither ends the row
        nor makes it longer. What was touched counts by the verdict in the chain, only to its disadvantage.
        """
        told = [case for case in self.cases if case.proved][-IN_A_ROW:]
        if len(told) == IN_A_ROW and all(case.did_bad for case in told):
            return tuple(told)
        return tuple(case for case in told[-1:] if case.did_harm)

    @property
    def rank(self):
        """Where it stands among others, the least first: what helped most, what nobody knows, what harmed."""
        did_harm = any(case.did_harm for case in self.review)
        if not self.pools:
            return (2 if did_harm else 1, 0.0)
        pool = self.pools[0]
        if pool.is_harmful or did_harm:
            return (2, -pool.gain)
        # Per cents compare; what was measured in a unit is known, and stands behind them.
        return (0, -pool.gain) if pool.is_ratio else (0.5, -pool.gain)


def make_record(cases):
    """The Record of cases in any order."""
    return Record(tuple(sorted(cases, key=find_begin)))


def find_begin(case):
    """When it was begun (ms); what was not carried out stands by its number behind what was."""
    at = case.effect.started_at if case.effect else case.begun_at
    return (1, 0, case.id) if at is None else (0, at, case.id)


def find_group(case):
    """What a case may be pooled with, as ``(is_ratio, unit, better, kind, of)``; None where with nothing."""
    if case.kind in (TOUCHED, TOGETHER) or case.effect is None:
        return None
    measure = case.measure or {}
    alike = (measure.get("better", ""), measure.get("kind", ""), measure.get("of", ""))
    if is_poolable(case.effect):
        return (True, PERCENT, *alike)
    return (False, measure.get("unit", ""), *alike) if is_plain(case.effect) else None


def make_pool(group, cases):
    """The Pool of cases of one group."""
    is_ratio, unit, better, *_ = group
    effects, ids = [case.effect for case in cases], tuple(case.id for case in cases)
    found = pool(effects) if is_ratio else pool_plain(effects)
    name = "percent" if is_ratio else "change"
    value, low, high = (getattr(found, f"{name}{end}") for end in ("", "_low", "_high"))
    return Pool(is_ratio, unit, better, ids, value, low, high, found.tau)


def list_reviewed(record):
    """``(id, what it did)`` of the cases because of which the approach is to be reviewed."""
    return [(case.id, tell_deed(case)) for case in record.review]


def tell_deed(case):
    """What a case did: ``had no effect``, ``did harm``, ``harmed its KPI and Open complaints``."""
    if case.lost:
        return "is not as it was judged, so nobody can tell what it did"
    told = case.verdict if case.touched else case.kind
    if case.harmed and told == State.HARMFUL:
        return f"harmed {join_words(('its KPI', *case.harmed))}"
    harmed = [f"harmed {join_words(case.harmed)}"] if case.harmed else []
    return " and ".join(([DID[told]] if told in DID else []) + harmed)


def tell_review(record):
    """``Review the approach: #12 had no effect, #14 did harm``; empty where there is no need to."""
    told = ", ".join(f"#{pk} {did}" for pk, did in list_reviewed(record))
    return f"Review the approach: {told}" if told else ""
