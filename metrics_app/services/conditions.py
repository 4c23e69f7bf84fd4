"""In what condition KPIs and thresholds are now: the rows and windows that ``core.conditions`` judges."""

from typing import NamedTuple

from metrics_app import queries
from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.conditions import Condition, is_late, judge_kpi, sort_key
from metrics_app.core.deadman import is_silence_rule
from metrics_app.models import Threshold, ThresholdState
from metrics_app.queries.clock import Clock
from metrics_app.queries.worked import read_judged
from metrics_app.services.silences import is_silenced, list_acting
from metrics_app.services.watch.states import judge_row


class Seen(NamedTuple):
    """What there is to say of a KPI."""

    condition: Condition
    rules: tuple = ()  # the thresholds on a limit that are switched on, the worst first
    dead_man: Threshold | None = None  # the one that expects points
    behind: int | None = None  # ms up to which its points are counted, where the collector stands still
    is_late: bool = False  # a point was expected that did not come
    is_empty: bool = False  # the window of its tile has nothing to show
    off: tuple = ()  # where no limit is switched on: those that are switched off, the newest last

    @property
    def judged(self):
        """All its thresholds that were judged once, with the one that expects points."""
        rules = [*self.rules, self.dead_man] if self.dead_man else self.rules
        return [rule for rule in rules if hasattr(rule, "state_row") and rule.state_row.slot_class]

    @property
    def rule(self):
        """The threshold its tile shows, or None."""
        return self.rules[0] if self.rules else None


def judge_threshold(rule, clock, acting=()):
    """The Condition of a ``Threshold`` with its state row, at a Clock; ``acting``: the silences that act."""
    condition = judge_row(rule, getattr(rule, "state_row", None) or ThresholdState(), clock)
    return condition._replace(is_silenced=is_silenced(rule, acting))


def read_conditions(kpis, *, now=None, through=None, acting=None):
    """``{topic: Seen}`` of ``Kpi`` rows, read in one go; BusUnavailable.

    ``now`` (ms), ``through`` (``{shard: ms}``) and ``acting`` (silences) where the caller has read them.
    """
    now = queries.redis_now() if now is None else now
    through = queries.collected_through() if through is None else through
    acting, clock = list_acting() if acting is None else acting, Clock(now, through, read_judged())
    rules = read_rules([kpi.topic for kpi in kpis])
    behind = {kpi.topic: find_standstill(kpi.topic, now, through) for kpi in kpis}
    empty = find_empty(kpis, now, behind)
    seen = {
        kpi.topic: see(kpi, rules.get(kpi.topic, []), clock, acting, kpi.topic in empty, behind[kpi.topic])
        for kpi in kpis
    }
    seen = mark_waiting(seen)
    off = read_off([topic for topic, one in seen.items() if not one.rules])
    return {topic: one._replace(off=tuple(off.get(topic, ()))) for topic, one in seen.items()}


def mark_waiting(seen):
    """``{topic: Seen}`` with those marked that lack no point, only the slot that judges what came."""
    silent = [
        topic for topic, one in seen.items()
        if one.condition.is_silent and not (one.is_empty or one.is_late or one.condition.proves_nothing)
    ]  # fmt: skip
    heads = queries.list_topics() if silent else {}
    came = {topic: heads[topic].last_ts if topic in heads else 0 for topic in silent}
    waiting = [topic for topic in silent if awaits(seen[topic].rule, came[topic])]
    marked = {topic: seen[topic].condition._replace(awaits_judgement=True) for topic in waiting}
    return seen | {topic: seen[topic]._replace(condition=condition) for topic, condition in marked.items()}


def awaits(rule, seen_at):
    """Whether a point that came at ``seen_at`` (ms) is one that no slot of a threshold has seen yet."""
    row = getattr(rule, "state_row", None)
    return row is None or not row.slot_class or seen_at >= row.last_slot


def see(kpi, rules, clock, acting=(), is_empty=False, behind=None):
    """The Seen of one KPI, of its ``read_rules`` and what Redis told of its window."""
    judged = [(judge_threshold(rule, clock, acting), rule) for rule in rules]
    limits = [pair for pair in judged if not is_silence_rule(pair[1])]
    dead_man = next((pair for pair in judged if is_silence_rule(pair[1])), (None, None))
    condition = judge_kpi([one for one, _ in limits], dead_man=dead_man[0], is_empty=is_empty)
    limits.sort(key=lambda pair: rank(kpi, *pair))
    chosen = tuple(rule for _, rule in limits)
    return Seen(condition, chosen, dead_man[1], behind, is_late(dead_man[0]), is_empty)


def rank(kpi, condition, rule):
    """Sorts the thresholds of a KPI: the worst first, then those that judge what the tile shows."""
    same = (rule.aggregate, rule.window) == (kpi.aggregate, kpi.window)
    return (*sort_key(condition), not same, rule.pk)


def read_rules(topics):
    """``{topic: [Threshold]}`` of what is switched on, with KPI and state."""
    found = {}
    rows = Threshold.objects.filter(kpi__topic__in=topics, enabled=True)
    for rule in rows.select_related("kpi", "state_row"):
        found.setdefault(rule.kpi.topic, []).append(rule)
    return found


def read_off(topics):
    """``{topic: [Threshold]}`` of the limits that are switched off, in the order in which they were."""
    found = {}
    rows = Threshold.objects.filter(
        kpi__topic__in=topics, enabled=False, retired_at=None, kind=Threshold.Kind.LIMIT
    )
    rows = rows.select_related("kpi", "state_row").order_by("state_row__since", "pk") if topics else ()
    for rule in rows:
        found.setdefault(rule.kpi.topic, []).append(rule)
    return found


def find_standstill(topic, now, through):
    """Up to when (ms) the points of a topic are counted, where the collector is behind; else None."""
    mark = through.get(queries.shard_for(topic), now)
    return mark if now - mark > queries.clock.BEHIND_AFTER else None


def find_end(now, behind):
    """Where (ms) the window of a tile ends: with this second, or with what is counted."""
    return ((behind or now) // 1000 + 1) * 1000


def find_empty(kpis, now, behind):
    """The topics whose tile has nothing to show: no point in its window, or, where none is 0, none ever.

    While the collector stands still so does the window: one that slid on would lose its points.
    """
    ends = [find_end(now, behind[kpi.topic]) for kpi in kpis]
    asked = [(kpi.topic, end - kpi.window * 1000, end, "count") for kpi, end in zip(kpis, ends, strict=True)]
    empty = [kpi for kpi, seen in zip(kpis, queries.observe(asked), strict=True) if not seen.n]
    idle = {kpi.topic for kpi in empty if get_aggregate(kpi.aggregate).judges_empty}
    heads = queries.list_topics() if idle else {}
    return {kpi.topic for kpi in empty if kpi.topic not in idle or kpi.topic not in heads}
