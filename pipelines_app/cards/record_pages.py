"""The page of a suggestion's track record: its cases as a table, and their intervals as a picture."""

import math
from dataclasses import dataclass
from itertools import islice

from pipelines_app import queries
from pipelines_app.actions.registry import describe_action, freeze_again, try_freezing
from pipelines_app.cards.effects import tell_change, write_value
from pipelines_app.cards.track_records import ALL, POOLED, list_parts, tell_pool, tell_record
from pipelines_app.core.states import LABELS, VERDICTS, State
from pipelines_app.core.track_records import TOGETHER, TOUCHED, UNJUDGED, list_reviewed

CHOICES = 6  # earlier suggestions beside the field for another one
LEFT, WIDTH = 2, 196  # of the 200 that a picture is wide
WORDS = {
    **{state: LABELS[state].lower() for state in VERDICTS},
    TOGETHER: "together with another action, not counted",
    TOUCHED: "not as it was judged, not counted",
    UNJUDGED: "not judged",
}
TITLES = {
    ALL: "Every time it was approved",
    POOLED: "What the change is made of",
    State.EFFECTIVE: "Where it was effective",
    State.INEFFECTIVE: "Where it had no effect",
    State.HARMFUL: "Where it did harm",
    State.INCONCLUSIVE: "Where it proved nothing",
    TOGETHER: "Where another action fell into the span",
    TOUCHED: "What is not as it was judged",
    UNJUDGED: "What is not judged, or not yet",
}


@dataclass(frozen=True)
class Row:
    """A case as the table has it; ``bar`` is where its interval lies in the picture, None without one."""

    pipeline: object
    expected: str
    observed: str
    change: str
    verdict: str
    bar: dict | None


def describe_record(pipeline, user, which=ALL):
    """The context of the page: ``parts`` of the line, ``rows`` of ``which`` cases, ``pools``, ``zero``.

    As this person may see it; the newest case stands first.
    """
    visible = queries.visible_to(user)
    record = queries.find_record(pipeline, among=visible)
    axis = find_axis(record)
    pooled = {pk for pool in record.pools if pool.is_ratio for pk in pool.cases}
    ids = list_chosen(record, which)
    found = visible.filter(pk__in=ids).defer(*queries.HEAVY).in_bulk()
    return {
        "parts": list_parts(record),
        "review": list_reviewed(record),
        "title": TITLES[which],
        "rows": [
            make_row(found[case.id], case, axis if case.id in pooled else None)
            for case in reversed(record.cases)
            if case.id in found
        ],
        "pools": [draw_pool(pool, axis) for pool in record.pools],
        "zero": axis and place(0, axis),
    }


def list_chosen(record, which):
    """The ids of the cases that a number of the line counts."""
    if which == ALL:
        return [case.id for case in record.cases]
    if which == POOLED:
        return [pk for pool in record.pools for pk in pool.cases]
    return record.list_ids(which)


def make_row(pipeline, case, axis):
    """The Row of a case; ``axis`` None: it is not in the picture."""
    effect, measure = case.effect, case.measure
    words = {"expected": "", "observed": "", "change": ""}
    if effect is not None and effect.expected is not None:
        values = {name: getattr(effect, name) for name in ("expected", "observed")}
        words = {name: write_value(value, measure, beside=effect.expected) for name, value in values.items()}
        words["change"] = tell_change(vars(effect), measure).removeprefix(": ")
    bar = axis and draw(effect.percent, effect.percent_low, effect.percent_high, axis)
    return Row(pipeline=pipeline, verdict=tell_case(case), bar=bar, **words)


def tell_case(case):
    """What it counts as, and what it harmed beside its KPI: ``effective; harmed Open complaints``."""
    return "; ".join([WORDS[case.kind], *(f"harmed {name}" for name in case.harmed)])


def draw_pool(pool, axis):
    """What a pool comes to, in words and in the picture."""
    bar = draw(pool.value, pool.low, pool.high, axis) if pool.is_ratio else None
    return {"text": tell_pool(pool), "count": len(pool.cases), "bar": bar}


def find_axis(record):
    """``(from, to)`` of the picture as logarithms, 0 always in it; None where there is nothing to draw."""
    ratios = [pool for pool in record.pools if pool.is_ratio]
    pooled = {pk for pool in ratios for pk in pool.cases}
    shown = [case.effect for case in record.cases if case.id in pooled]
    ends = [end for one in shown for end in (one.percent_low, one.percent_high)]
    if not ends:
        return None
    low, high = min(0, *map(scale, ends)), max(0, *map(scale, ends))
    return low, max(high, low + 0.01)


def scale(percent):
    """A change as a logarithm, on which a half and a double lie as far from none."""
    return math.log1p(percent / 100)


def place(percent, axis):
    """Where a change lies in the picture."""
    low, high = axis
    return round(LEFT + (scale(percent) - low) / (high - low) * WIDTH, 1)


def draw(percent, low, high, axis):
    """The interval and its middle in the picture."""
    begin, end = place(low, axis), place(high, axis)
    return {"begin": begin, "end": end, "middle": place(percent, axis)}


def list_earlier(pipeline, user):
    """Other suggestions that this person may take over, best first: ``number, suggestion, does, record``.

    What has an action is a choice for people who decide only, and where it can be carried out now.
    """
    found = queries.list_earlier(pipeline, among=queries.visible_to(user))
    decides = queries.may_decide_any(user)
    choices = (
        {"number": str(row.pk), "suggestion": row.suggestion, "does": does, "record": tell_record(record)}
        for row, record in found
        if (decides or not row.action) and (does := tell_action(row, pipeline.evidence)) is not None
    )
    return list(islice(choices, CHOICES))


def tell_action(row, evidence):
    """What taking it over carries out now; empty where people do it by hand, None where it cannot be done.

    ``evidence`` is that of the proposal which would take it over.
    """
    if not row.action:
        return ""
    # Not what it did then: the rule it changed is another since.
    params, why_not = try_freezing(row.action, row.action_params, evidence, freeze=freeze_again)
    return None if why_not else f"Approving then {describe_action(row.action, params)}"
