"""What a rule would have done over the history of a KPI, or over points at hand."""

import math
import time
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from metrics_app import queries
from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.backtest import Result, backtest, judge
from metrics_app.core.classes import worse
from metrics_app.core.durations import DAY_MS
from metrics_app.core.earlier import MARGIN, find_earlier
from metrics_app.core.seen import see
from metrics_app.core.text.phrases import name_grain, tell_backtest, warn_of_min_count, write_limit
from metrics_app.core.watch import Rule
from metrics_app.core.windows import Pieces, Views, find_stretches, list_range, make_pieces, view_windows
from metrics_app.exceptions import BadInput

DEFAULT_SPAN = 30 * DAY_MS
STEPS = (60, 300, 600, 900, 1800, 3600, 7200, 21_600, 86_400)  # seconds
# Of windows far apart no two in a row lie at one hour of the day: 5 h, 25 h, 175 h; whole days where
# nothing finer is kept.
FAR_STEPS = (60, 300, 600, 900, 1800, 3600, 7200, 18_000, 90_000, 630_000, 86_400, 604_800)
MOST_SLOTS = 10_000
MOST_READ = 240  # windows of percentiles: each is read by itself
MOST_MINUTES = 300_000  # read at once; longer spans in windows, or in hours
MOST_ASKED, MOST_READ_ASKED = 20_000, 2_000  # where somebody chose the step
MOST_OF_TRENDS = 6_000_000  # slots over points at hand, each of which needs a line of its own
COLUMNS = 400  # of the chart
LISTED = 200  # breaches in an answer; all are counted


class Backtest(NamedTuple):
    """A Result, how it was judged, and what the windows held.

    ``step`` seconds lie between slots, ``window`` seconds were judged at each, ``asked`` is the
    rule's own window: longer only where history keeps nothing finer than ``grain`` seconds. Of the span
    ``recorded`` ms were recorded.
    """

    result: Result
    step: int
    window: int
    asked: int
    grain: int
    start: int
    end: int
    usual_n: int
    most_n: int
    chart: dict
    recorded: int


class Plan(NamedTuple):
    """How history is read: the rule at its step and window, the slots (ms), the finest kept (seconds).

    ``apart``: each window is read by itself.
    """

    rule: Rule
    slots: Any
    grain: int
    apart: bool


def make_rule(threshold, **changes):
    """The ``core.watch.Rule`` of a threshold, saved or not."""
    return Rule(*(getattr(threshold, name) for name in Rule._fields))._replace(**changes)


def backtest_points(rule, ts, values):
    """The Result over points (``ts`` in ms) at the rule's own interval; what lies between them is skipped.

    BadInput for a trend that would have to be fitted at too many slots.
    """
    pieces = make_pieces(ts, values)
    if get_aggregate(rule.aggregate).is_trend and len(pieces.ts):
        begins, ends = find_stretches(pieces, rule.interval, rule.window)
        check_count(int((ends - begins).sum()) // (rule.interval * 1000), MOST_OF_TRENDS, rule.interval)
    return backtest(rule, pieces)


def backtest_history(topic, rule, start, end, *, step=None):
    """The Backtest over [start, end) ms of a topic; ``step`` in seconds, None: as fine as is quick.

    The windows are as long as the rule's, in whole minutes, or whatever is the finest kept; the
    answer says so. BadInput for an empty span or a step that cannot be.
    """
    if end <= start:
        raise BadInput(f"the end {end} is not after the start {start}", field="to")
    made = plan(topic, rule, start, end, step)
    if not len(made.slots):
        raise BadInput(f"there is no slot in a span shorter than {made.rule.interval} s", field="to")
    judged, slots = made.rule, made.slots
    views = read_views(topic, made)
    seen = see(judged, slots, views, born=find_birth(topic, judged, slots, views))
    values, n = seen.spread()
    # What could not be compared says nothing of how many points usually can.
    filled = n[(n > 0) & ~np.isnan(values)]
    usual, most = (int(np.median(filled)), int(filled.max())) if len(filled) else (0, 0)
    lengths = judged.interval, judged.window, rule.window, made.grain
    chart = draw(judged, slots, values)
    recorded = sum(high - low for low, high in queries.list_recorded(topic, start, end))
    return Backtest(judge(judged, seen), *lengths, start, end, usual, most, chart, recorded)


def find_birth(topic, rule, slots, views):
    """Since when (ms) a topic is known: its KPI began, or an earlier window held a point; None: never."""
    filled = np.flatnonzero(np.repeat(views.n, views.repeat) > 0)
    first = [int(slots[filled[0]]) - rule.interval * 1000] if len(filled) else []
    return min([*queries.read_births([topic]).values(), *first], default=None)


def backtest_last(threshold, topic, *, now=None, span=DEFAULT_SPAN):
    """The Backtest of a threshold, saved or not, over the last ``span`` ms of a topic."""
    now = time.time_ns() // 1_000_000 if now is None else now
    rule = make_rule(threshold)
    found = backtest_history(topic, rule, now - span, now)
    if span <= DAY_MS or not is_read_whole(rule) or is_drawn_before(found, now - DAY_MS):
        return found
    # Over weeks such windows lie hours apart: of a KPI that began today none, or one, would be met.
    return backtest_history(topic, rule, now - DAY_MS, now)


def is_drawn_before(found, ts):
    """Whether a window of a Backtest that ended before ``ts`` ms had a value."""
    drawn = zip(found.chart["ts"], found.chart["values"], strict=True)
    return any(value is not None for at, value in drawn if at < ts)


def plan(topic, rule, start, end, step=None):
    """The Plan for the slots in [start, end) ms; BadInput for a step that cannot be."""
    ago = get_aggregate(rule.aggregate).ago
    further = MARGIN if rule.zone else 0
    grain = queries.find_grain(topic, start - rule.window * 1000 - ago - further) // 1000
    apart = is_read_whole(rule) or is_long(rule, end - start, grain)
    if step is None:
        step = choose_step(rule, end - start, grain, apart=apart)
    else:
        check_step(step, grain)
    most = MOST_READ_ASKED if apart else MOST_ASKED
    check_count((end - start) // 1000 // step, most, step)
    judged = rule._replace(interval=step, window=-(-rule.window // grain) * grain)
    return Plan(judged, list_range(start, end, step), grain, apart)


def is_long(rule, span, grain):
    """Whether a rule needs more minutes of a span (ms) than can be read at once."""
    return grain < 3600 and rule.window % 3600 != 0 and span / 60_000 > MOST_MINUTES


def choose_step(rule, span, grain, *, apart):
    """Seconds between slots: the smallest that is quick enough, at least the interval, of whole grains."""
    steps, most = (FAR_STEPS, MOST_READ) if apart else (STEPS, MOST_SLOTS)
    steps = [step for step in steps if step % grain == 0]
    return next(
        (step for step in steps if step >= rule.interval and (span / 1000 + rule.window) / step <= most),
        steps[-1],
    )


def is_read_whole(rule):
    """Whether only whole windows answer: each is read by itself."""
    one = get_aggregate(rule.aggregate)
    return one.is_trend or (get_aggregate(one.base) if one.is_change else one).is_shaped


def check_step(step, grain):
    """BadInput for a step that is no multiple of the finest (seconds) that is kept."""
    if step < grain or step % grain:
        kept = name_grain(grain)
        raise BadInput(
            f"{step} is no step: history is kept in {kept}, expected a multiple of {grain}", field="step"
        )


def check_count(count, most, step):
    """BadInput for more than ``most`` slots."""
    if count > most:
        raise BadInput(
            f"{count:,} slots are too many: take a larger step than {step} s, or a shorter span "
            f"(at most {most:,} slots)",
            field="step",
        )


def read_views(topic, made):
    """The Views of a Plan's slots, from the summaries that are kept."""
    rule, slots = made.rule, made.slots
    if made.apart:
        return read_shaped(topic, rule, slots)
    ends = slots
    if ago := get_aggregate(rule.aggregate).ago:
        ends = np.concatenate([find_earlier(slots, ago, rule.zone), slots])
    # Cut where windows begin and end: of each the very points, whatever the step.
    edges = np.unique(np.concatenate([ends - rule.window * 1000, ends])).tolist()
    grain = math.gcd(rule.window, rule.interval) * 1000
    summaries, _ = queries.read_buckets(topic, edges, step=grain)
    found = [(ts, part) for (ts, _), part in zip(pairwise(edges), summaries, strict=True) if part.count]
    whole = np.array([(ts, part.count) for ts, part in found], np.int64).reshape(-1, 2).T
    real = np.array([(part.sum, part.min, part.max) for _, part in found], np.float64).reshape(-1, 3).T
    pieces = Pieces(*whole, *real)
    return view_windows(pieces, slots, rule.aggregate, rule.window, zone=rule.zone)


def read_shaped(topic, rule, slots):
    """The Views of slots, each window read by itself."""
    found = queries.observe([queries.ask(topic, rule, slot) for slot in slots.tolist()])
    values = np.array([np.nan if seen.value is None else seen.value for seen in found])
    n, each = np.array([seen.n for seen in found], np.int64), np.arange(len(found))
    return Views(each, each + 1, np.ones_like(each), values, n)


def draw(rule, slots, seen):
    """The chart of ``spark.js``: of each stretch of slots the worst value ``seen`` (NaN: none)."""
    width = -(-len(slots) // COLUMNS)
    values = []
    for at in range(0, len(slots), width):
        worst = None
        for value in seen[at : at + width].tolist():
            worst = worst if value != value else worse(rule.operator, worst, value)
        values.append(worst)
    return {
        "ts": slots[::width].tolist(),
        "values": values,
        "limit": rule.limit,
        "above": rule.operator in ("gt", "gte"),
        "start": int(slots[0]),
        "end": max(int(slots[-1]), int(slots[0]) + 1),
    }


def describe(found, threshold, kpi):
    """The answer of API and form: figures, a sentence, a warning or "", and the chart."""
    result, proposals = found.result, found.result.fired if threshold.title else 0
    sentence = tell_backtest(found, proposals)
    return {
        "from": found.start,
        "to": found.end,
        "step": found.step,
        "window": found.window,
        "ticks": result.ticks,
        "ticks_in_breach": result.ticks_in_breach,
        "ticks_incomparable": result.incomparable,
        "breaches": [incident._asdict() for incident in result.breaches[-LISTED:]],
        "recorded_seconds": found.recorded // 1000,
        "breach_count": len(result.breaches),
        "data_breaches": [incident._asdict() for incident in result.data_breaches[-LISTED:]],
        "red_seconds": result.count_red() // 1000,
        "pipelines": proposals,
        "usual_count": found.usual_n,
        "sentence": sentence,
        "warning": warn_of_min_count(threshold, found),
        "chart": found.chart
        | {
            "limit_label": write_limit(threshold.limit, kpi.unit, threshold.aggregate),
            "sentence": f"{kpi}: {sentence}",
        },
    }
