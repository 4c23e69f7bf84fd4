"""The figures by which the process of proposals watches itself, as topics."""

from pipelines_app.core.states import State

DECISION, OPEN, EFFECT = "pipeline.decision_hours", "pipeline.open", "pipeline.effect_percent"
# What ends the waiting: what expired has waited all of its time, and to leave it out would praise
# those who never decide. What is withdrawn was no decision.
ENDS = {State.APPROVED: "approved", State.REJECTED: "rejected", State.EXPIRED: "expired"}
# Between them it went on waiting: nobody has asked anew.
WAITED_ON = {"changed", "undone", "frozen", "voted"}


def find_waiting(entries, version):
    """``(since, until)`` of the waiting that ended in a decision on this version; None where none did.

    ``entries`` are ``(at, event, data)`` of the audit chain, in order. It begins when the proposal was
    opened, or opened again after a decision; an approval that was undone is no decision.
    """
    since = until = None
    for at, event, data in entries:
        waits = data.get("state") == State.AWAITING_APPROVAL
        if since is None or (waits and event not in WAITED_ON):
            since = at
        if event in ENDS.values() and data.get("state") in ENDS and data.get("version", version) == version:
            until = at
            break
    return None if until is None else (since, until)
