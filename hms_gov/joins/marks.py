"""What the proposals leave on the chart of their KPI: decisions, actions, measured effects."""

from datetime import date

from metrics_app.addresses import find_address
from pipelines_app import queries
from pipelines_app.core.moments import to_ms
from pipelines_app.core.states import State
from pipelines_app.core.telling import tell_whole_day

LONGEST = 200  # characters of a suggestion
# Events whose state does not say what happened.
BY_EVENT = {"proposed", "undone", "reopened", "handed over", "retried"}
DECISIONS = {
    "proposed": "was proposed by",
    "undone": "waits again, the approval taken back by",
    "reopened": "waits again, brought back by",
    State.APPROVED: "approved by",
    State.REJECTED: "rejected by",
    State.WITHDRAWN: "withdrawn by",
    State.EXPIRED: "expired undecided, by",
}
BY_HAND = "was done by hand on"
BY_ITSELF = {"handed over"}  # no action did it, and nobody
ACTIONS = {
    "handed over": "is to be done by hand",
    "retried": "is tried again, by",
    State.EXECUTING: "began, by",
    State.DONE: "was carried out by",
    State.FAILED: "failed, by",
}
EFFECTS = {
    State.EFFECTIVE: "proved effective",
    State.INEFFECTIVE: "had no effect",
    State.HARMFUL: "proved harmful",
    State.INCONCLUSIVE: "has no clear effect",
}


def list_marks(topic, start_ms, end_ms, user):
    """``[{"at", "kind", "text", "href"}, …]`` of a KPI's proposals that this person may see."""
    marks = (describe_entry(entry) for entry in queries.list_moments(topic, start_ms, end_ms, user))
    return [mark for mark in marks if mark]


def describe_entry(entry):
    """The mark of an audit entry; None for what changes nothing for the KPI."""
    found = describe_move(entry)
    if found is None:
        return None
    kind, words = found
    return {
        "at": to_ms(entry.at),
        "kind": kind,
        "text": f"{quote(entry.suggestion)} {add_reason(words, entry)}",
        "href": find_address("pipeline_detail", entry.pipeline_id),
    }


def quote(suggestion):
    """A suggestion in quotes, cut where it would leave no room for what came of it."""
    return f"“{suggestion if len(suggestion) <= LONGEST else suggestion[: LONGEST - 1] + '…'}”"


def add_reason(words, entry):
    """What an entry came to, with what its people or its action said of it: ``rejected by Bea: No money``."""
    data = entry.data
    outcome = "" if data.get("day") else data.get("outcome")
    more = outcome or data.get("comment") or data.get("said")
    return f"{words}: {more}" if more else words


def describe_move(entry):
    """``(kind, words)`` of what an audit entry brought its proposal to, or None."""
    if not entry.is_intact:
        return "decision", "came to something that is not known: this entry of the audit chain was changed"
    if entry.event == "changed":
        return "decision", tell_change(entry)
    came_to = entry.event if entry.event in BY_EVENT else entry.data.get("state")
    if entry.event == "voted" or came_to is None:
        return None
    if day := entry.data.get("day"):
        return "action", f"{BY_HAND} {tell_whole_day(date.fromisoformat(day))}, as {entry.actor} confirmed"
    unless = entry.data.get("unless") or {}
    return phrase(came_to, " ".join(filter(None, (entry.actor, unless.get("said")))))


def tell_change(entry):
    """What a proposal was changed to, and by whom; the entry's ``suggestion`` is what stood before."""
    said = entry.data.get("suggestion", "")
    if said in ("", entry.suggestion):
        return f"was changed in how it is carried out, by {entry.actor}"
    return f"was changed to {quote(said)} by {entry.actor}"


def phrase(came_to, actor):
    """``(kind, words)`` of what a proposal came to, or None."""
    if came_to in DECISIONS:
        return "decision", f"{DECISIONS[came_to]} {actor}"
    if came_to in ACTIONS:
        return "action", ACTIONS[came_to] if came_to in BY_ITSELF else f"{ACTIONS[came_to]} {actor}"
    return ("effect", EFFECTS[came_to]) if came_to in EFFECTS else None
