"""The thresholds to which nothing happens: nearly all of them, nearly always.

One that is ok on good data, and clear again at its one due slot, changes its slot, its
value and its n and nothing else. Those are written as columns; only the others are
stepped, one by one. A test holds that both ways end alike.
"""

from operator import itemgetter

from metrics_app.core.classes import CLEAR, classify
from metrics_app.core.slots import find_span
from metrics_app.core.watch import OK, State
from metrics_app.models import ThresholdState
from metrics_app.services.rows import update_rows

# What ``core.watch.step_quietly`` leaves behind; whoever has it already is left as it is.
QUIET = {
    "state": OK,
    "timer_ms": 0,
    "slot_class": CLEAR,
    "data": "fresh",
    "absent_ms": None,
    "empty_ms": None,
    "data_breach": False,
    "peak": None,
    "changes": 0,
    "flapping": False,
}
HEAD = ("pk", "rule_version", "extra_slot")
ROW = (*HEAD, *State._fields)  # the columns of a row, as ``dues`` reads them
EXPECTED = tuple(QUIET.values())
read_quiet = itemgetter(*map(ROW.index, QUIET))
read_plan = itemgetter(*map(ROW.index, ("extra_slot", "last_slot", "data_since")))
WRITTEN = ("due_at", "last_slot", "value", "n")


def part_calm(pairs, marks):
    """``(calm, rest)`` of ``(row, Known)`` pairs: those that may be judged all at once, and the others."""
    calm, rest = [], []
    for pair in pairs:
        (calm if is_calm(*pair, marks) else rest).append(pair)
    return calm, rest


def is_calm(row, known, marks):
    """Whether a threshold is at rest and has exactly one slot due, a regular one, with none missed."""
    if read_quiet(row) != EXPECTED:
        return False
    extra, last_slot, data_since = read_plan(row)
    slot, interval = find_slot(row, known), known.rule.interval * 1000
    if data_since is None or (extra is not None and last_slot < extra < slot + interval):
        return False
    hot_from, until = find_span(known.rule, marks.get(known.shard, 0))
    return hot_from <= slot <= until < slot + interval


def find_slot(row, known):
    """The next regular slot (ms) of a row."""
    interval = known.rule.interval * 1000
    return (row[len(HEAD)] // interval + 1) * interval


def part_clear(pairs, observations):
    """``(clear, rest)`` of ``((row, Known), Observation)``s: those that stay as they are, and the others."""
    clear, rest = [], []
    for pair, observation in zip(pairs, observations, strict=True):
        stays = classify(pair[1].rule, observation) == CLEAR
        (clear if stays else rest).append((pair, observation))
    return clear, rest


def write_clear(clear):
    """Moves clear thresholds on to their slot; what nobody else had written. Inside a transaction."""
    rows, guard = [], {"last_slot": [], "rule_version": []}
    for (row, known), (value, n) in clear:
        slot = find_slot(row, known)
        due_at = slot + (known.rule.interval + known.rule.delay) * 1000
        rows.append((row[0], due_at, slot, value, n))
        guard["last_slot"].append(row[len(HEAD)])
        guard["rule_version"].append(row[1])
    written = update_rows(ThresholdState, WRITTEN, rows, guard=guard)
    return clear if len(written) == len(rows) else [one for one in clear if one[0][0][0] in written]
