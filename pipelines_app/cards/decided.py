"""What became of proposals, a line each: for whoever looks back."""

from dataclasses import dataclass

from pipelines_app.cards.writing import capitalise, tell_when
from pipelines_app.core.states import LABELS, REFUSED, State
from pipelines_app.queries.finding import find_closings, find_endings


@dataclass(frozen=True)
class Line:
    """A proposal; ``ending`` says how, by whom, when and why, ``since`` what has become of it."""

    pipeline: object
    ending: str
    since: str


def make_lines(pipelines, now):
    """The ``Line`` of each proposal, in the same order; two queries for all."""
    endings, closings = find_endings(pipelines), find_closings(pipelines)
    return [
        Line(
            row,
            tell_ending(row, endings.get(row.pk), now),
            tell_since(State(row.state), closings.get(row.pk)),
        )
        for row in pipelines
    ]


def tell_ending(pipeline, entry, now):
    """``Rejected by Bea for Ada at 10:12 CET: “Not in May.”``"""
    if pipeline.is_open:
        return f"{LABELS[State(pipeline.state)]}."
    if entry is None:
        return f"{LABELS[State(pipeline.state)]} {tell_when(pipeline.decided_at, now)}."
    data = entry.data
    instead = f" for {data['for_name']}" if data.get("for_name") else ""
    said = f": “{data['comment']}”" if data.get("comment") else "."
    unless = (data.get("unless") or {}).get("said")
    when = tell_when(entry.at, now)
    at = f" {unless}. {capitalise(when)}" if unless else f" {when}"
    return f"{entry.event.capitalize()} by {entry.actor}{instead}{at}{said}"


def tell_since(state, closing=None):
    """``Now: inconclusive. Closed by Cyd: “Noise.”``; empty where the ending has said it.

    ``closing`` is the entry of the chain with which somebody closed what proved nothing, or None.
    """
    if state in REFUSED | {State.APPROVED, State.AWAITING_APPROVAL}:
        return ""
    said = f": “{closing.data['comment']}”" if closing and closing.data.get("comment") else "."
    closed = f" Closed by {closing.actor}{said}" if closing else ""
    return f"Now: {LABELS[state].lower()}.{closed}"
