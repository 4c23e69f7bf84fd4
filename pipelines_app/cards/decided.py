"""What was decided, a line each: for whoever looks back."""

from dataclasses import dataclass

from pipelines_app.cards.writing import tell_time
from pipelines_app.core.states import LABELS, REFUSED, State
from pipelines_app.queries.finding import find_endings


@dataclass(frozen=True)
class Line:
    """A decided proposal; ``ending`` says how, by whom, when and why, ``since`` what has become of it."""

    pipeline: object
    ending: str
    since: str


def make_lines(pipelines, now):
    """The ``Line`` of each proposal, in the same order; one query for all."""
    endings = find_endings(pipelines)
    return [
        Line(row, tell_ending(row, endings.get(row.pk), now), tell_since(State(row.state)))
        for row in pipelines
    ]


def tell_ending(pipeline, entry, now):
    """``Rejected by Bea for Ada at 10:12: “Not in May.”``"""
    if entry is None:
        return f"{LABELS[State(pipeline.state)]} at {tell_time(pipeline.decided_at, now)}."
    data = entry.data
    instead = f" for {data['for_name']}" if data.get("for_name") else ""
    said = f": “{data['comment']}”" if data.get("comment") else "."
    unless = (data.get("unless") or {}).get("said")
    at = f" {unless}. At" if unless else " at"
    return f"{entry.event.capitalize()} by {entry.actor}{instead}{at} {tell_time(entry.at, now)}{said}"


def tell_since(state):
    """``Now: effective.``; empty where the ending has said it."""
    return "" if state in REFUSED | {State.APPROVED} else f"Now: {LABELS[state].lower()}."
