"""What a rule would have done over the history of a KPI, or over points at hand."""

import time
from typing import NamedTuple

import numpy as np

from metrics_app import queries
from metrics_app.core.aggregates import CHANGES, SHAPED, TRENDS
from metrics_app.core.backtest import Result, backtest, judge, see
from metrics_app.core.classes import worse
from metrics_app.core.phrases import describe_backtest, warn_of_min_count, write_limit
from metrics_app.core.watch import Rule
from metrics_app.core.windows import Pieces, Views, list_range, make_pieces, view_windows
from metrics_app.exceptions import BadInput

DAY = 86_400_000  # ms
DEFAULT_SPAN = 30 * DAY
STEPS = (60, 300, 600, 900, 1800, 3600, 7200, 21_600, 86_400)  # seconds
MOST_SLOTS = 10_000
MOST_READ = 240  # windows of percentiles: each is read by itself
COLUMNS = 400  # of the chart
LISTED = 200  # breaches in an answer; all are counted


class Backtest(NamedTuple):
    """A Result, how it was judged (``step`` and ``window`` in seconds), and what the windows held."""

    result: Result
    step: int
    window: int
    start: int
    end: int
    usual_n: int
    most_n: int
    chart: dict


def make_rule(threshold, **changes):
    """The ``core.watch.Rule`` of a threshold, saved or not."""
    return Rule(*(getattr(threshold, name) for name in Rule._fields))._replace(**changes)


def backtest_points(rule, ts, values):
    """The Result over points (``ts`` in ms) at the rule's own interval."""
    return backtest(rule, make_pieces(ts, values))


def backtest_history(topic, rule, start, end, *, step=None):
    """The Backtest over [start, end) ms of a topic; ``step`` in seconds, None: as fine as is quick.

    Windows are made of whole steps, so one that is no multiple of it is judged longer; the
    answer says so. BadInput for an empty span or a step that cannot be.
    """
    if end <= start:
        raise BadInput(f"the end {end} is not after the start {start}", field="to")
    step = choose_step(rule, end - start) if step is None else check_step(step, end - start)
    window = -(-rule.window // step) * step
    rule = rule._replace(interval=step, window=window)
    slots = list_range(start, end, step)
    views = read_views(topic, rule, slots) if len(slots) else None
    if views is None:
        raise BadInput(f"there is no slot in a span shorter than {step} s", field="to")
    seen = see(rule, slots, views)
    filled = seen.n[seen.n > 0]
    usual, most = (int(np.median(filled)), int(filled.max())) if len(filled) else (0, 0)
    return Backtest(judge(rule, seen), step, window, start, end, usual, most, draw(rule, slots, seen))


def backtest_last(threshold, topic, *, now=None, span=DEFAULT_SPAN):
    """The Backtest of a threshold, saved or not, over the last ``span`` ms of a topic."""
    now = time.time_ns() // 1_000_000 if now is None else now
    rule = make_rule(threshold)
    found = backtest_history(topic, rule, now - span, now)
    if found.usual_n or span <= DAY or not is_read_whole(rule):
        return found
    # Over weeks such windows lie hours apart: those of a KPI that began today would all be missed.
    return backtest_history(topic, rule, now - DAY, now)


def choose_step(rule, span):
    """Seconds between slots: the smallest of ``STEPS`` that is quick enough, at least the interval."""
    most = MOST_READ if is_read_whole(rule) else MOST_SLOTS
    return next(
        (step for step in STEPS if step >= rule.interval and (span / 1000 + rule.window) / step <= most),
        STEPS[-1],
    )


def is_read_whole(rule):
    """Whether only whole windows answer: each is read by itself."""
    return rule.aggregate in SHAPED or rule.aggregate in TRENDS


def check_step(step, span):
    """The step, or BadInput for one that is no whole minute or makes too many slots."""
    if step < 60 or step % 60:
        raise BadInput(
            f"{step} is no step: history is kept in minutes, expected a multiple of 60", field="step"
        )
    if span / 1000 / step > 2 * MOST_SLOTS:
        raise BadInput(f"{span // 1000 // step} slots are too many: take a larger step", field="step")
    return step


def read_views(topic, rule, slots):
    """The Views of slots, from the summaries that are kept."""
    if is_read_whole(rule):
        return read_shaped(topic, rule, slots)
    step = rule.interval * 1000
    ago = CHANGES[rule.aggregate].ago if rule.aggregate in CHANGES else 0
    columns = queries.series(topic, int(slots[0]) - rule.window * 1000 - ago, int(slots[-1]), step)
    filled = [at for at, count in enumerate(columns["count"]) if count]
    ts, count, mean, low, high = (
        np.array([columns[name][at] for at in filled], kind)
        for name, kind in (("ts", "i8"), ("count", "i8"), ("mean", "f8"), ("min", "f8"), ("max", "f8"))
    )
    with np.errstate(over="ignore"):
        pieces = Pieces(ts, count, count * mean, low, high)
    return view_windows(pieces, slots, rule.aggregate, rule.window)


def read_shaped(topic, rule, slots):
    """The Views of slots for an aggregate that only whole windows answer."""
    found = queries.observe([queries.ask(topic, rule, slot) for slot in slots.tolist()])
    values = np.array([np.nan if seen.value is None else seen.value for seen in found])
    n, each = np.array([seen.n for seen in found], np.int64), np.arange(len(found))
    return Views(each, each + 1, np.ones_like(each), values, n)


def draw(rule, slots, seen):
    """The chart of ``spark.js``: of each stretch of slots the worst value, as the rule saw it."""
    width = -(-len(slots) // COLUMNS)
    values = []
    for at in range(0, len(slots), width):
        worst = None
        for value in seen.values[at : at + width].tolist():
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
    sentence = describe_backtest(found, proposals)
    return {
        "from": found.start,
        "to": found.end,
        "step": found.step,
        "window": found.window,
        "ticks": result.ticks,
        "ticks_in_breach": result.ticks_in_breach,
        "breaches": [incident._asdict() for incident in result.breaches[-LISTED:]],
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
