"""Rule tests: points written in a line, walked through by the same ``step`` as live."""

import re
from typing import NamedTuple

from metrics_app.core.records import CLASSES, STATES, Record
from metrics_app.core.seen import see
from metrics_app.core.text.entries import parse_duration, parse_value
from metrics_app.core.text.explanations import explain_slot
from metrics_app.core.watch import State, step
from metrics_app.core.windows import list_range, make_pieces, view_windows
from metrics_app.exceptions import BadInput

EVERY = re.compile(r"\s*every\s+([^:]+):(.*)\Z", re.DOTALL)
TIMES = re.compile(r"(.*?)(?:\s+x\s*([0-9]+))?\Z", re.DOTALL)
CHECKED = {"state": STATES, "class": CLASSES, "value": None, "n": None}
MOST_SLOTS = 200_000
MOST_POINTS = 200_000  # of a line, those left out included
FARTHEST = 366 * 86_400  # seconds between two points


class Step(NamedTuple):
    """What one slot saw, and the state before and after it."""

    seen: Record
    before: str


def parse_points(text, start):
    """``(ts, values)`` of "every 5m: 40h x6 ; _ x6 ; 47h": one point each 5 minutes from ``start`` ms."""
    found = EVERY.match(text) if isinstance(text, str) else None
    if found is None:
        raise BadInput(f"{text!r:.100} is no line of points: write 'every 5m: 40h x6 ; _ x6'", field="points")
    every = parse_duration(found[1], "points")
    if not 0 < every <= FARTHEST:
        raise BadInput(
            f"'every {found[1].strip()}' is no distance between points: expected more than 0, up to 366 d",
            field="points",
        )
    ts, values, at = [], [], 0
    for part in found[2].split(";"):
        word, times = TIMES.match(part.strip()).groups()
        value = None if word == "_" else parse_value(word, "seconds", field="points")
        for _ in range(read_times(times or "1", part, at)):
            if value is not None:
                ts.append(start + round(at * every * 1000))
                values.append(value)
            at += 1
    return ts, values


def read_times(times, part, at):
    """How often a part of a line repeats, after ``at`` points; BadInput for too many."""
    # Of long numbers the length says enough: they are not read.
    if len(times) > 9 or at + int(times) > MOST_POINTS:
        raise BadInput(
            f"{part.strip()[:50]!r} repeats too often: at most {MOST_POINTS:,} points in a line",
            field="points",
        )
    return int(times)


def walk(rule, ts, values, start, end):
    """``{slot: Step}`` of every slot after ``start`` up to ``end`` (ms)."""
    count = (end - start) // (rule.interval * 1000)
    if count > MOST_SLOTS:
        raise BadInput(
            f"{count:,} slots of {rule.interval} s are too many, at most {MOST_SLOTS:,}: "
            "expect something earlier, or take a longer interval",
            field="expect",
        )
    slots = list_range(start, end, rule.interval)
    if not len(slots):
        return {}
    pieces = make_pieces(ts, values)
    views = view_windows(pieces, slots, rule.aggregate, rule.window, rule.aggregate_value, rule.zone)
    seen = see(rule, slots, views)
    state, found = State(), {}
    for at, slot in enumerate(slots.tolist()):
        state, transition = step(state, rule, seen.observe(at), slot)
        record = Record(0, 0, state.slot_class, state.value, state.n, state.state)
        found[slot] = Step(record, transition.before)
    return found


def check(rule, steps, start, expected):
    """The faults, in words, of expectations ``{"at": "50m", "state": "pending", …}``."""
    for wanted in expected:
        at = parse_duration(wanted["at"], "expect")
        slot = start + round(at * 1000)
        if slot not in steps:
            nearest = min(steps, key=lambda one: abs(one - slot), default=start)
            yield (
                f"at {wanted['at']}: there is no slot then, the nearest one is "
                f"{(nearest - start) / 60_000:g}m after the start"
            )
            continue
        yield from compare(rule, steps[slot], wanted)


def compare(rule, found, wanted):
    """What differs at one slot, with the reason for what was found."""
    seen = found.seen
    actual = {"state": seen.state, "class": seen.slot_class, "value": seen.value, "n": seen.n}
    faults = [
        f"expected {name} {value}, found {actual[name]}"
        for name, value in read_expectation(wanted, rule.aggregate)
        if not is_same(actual[name], value)
    ]
    if faults:
        why = explain_slot(rule, "seconds", seen, found.before, seen.state)
        yield f"at {wanted['at']}: {'; '.join(faults)}. {why}"


def read_expectation(wanted, aggregate):
    """``(name, value)`` of what is expected; BadInput for what nothing is known of."""
    for name, value in wanted.items():
        if name == "at":
            continue
        if name not in CHECKED:
            raise BadInput(f"{name!r:.50} cannot be expected, only {', '.join(CHECKED)}", field="expect")
        words = CHECKED[name]
        if words and value not in words:
            raise BadInput(f"{value!r:.50} is no {name}: expected {', '.join(words)}", field="expect")
        if name == "value" and value is not None:
            value = parse_value(value, "seconds", aggregate, field="expect")
        yield name, value


def is_same(actual, value):
    """Whether a figure is the expected one, but for rounding."""
    if isinstance(actual, float) and isinstance(value, (int, float)):
        return abs(actual - value) <= 1e-9 * max(abs(actual), abs(value), 1e-9)
    return actual == value
