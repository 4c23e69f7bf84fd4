"""What the entries of the audit chain come to: the state that they leave a proposal in."""

from pipelines_app.core.states import State, may_move

# What services write under a name; whoever edits an entry may write anything.
SHAPES = {
    "version": int,
    "version_sha256": str,
    "state": str,
    "by": int | None,  # nobody's account: it was done at the shell
    "for": int,
    "outcome": str,
    "verdict": str,
    "reason": str,
    "people": int,
    "mailed": list,
    "ended": list,
    "record": str,
    "id": int,
    "topic": str,
    "restricted_to": int | None,
    "reserved_for": int | None,
}


def keep_known(data):
    """The data of an entry without what no service can have written under its name."""
    return {name: value for name, value in data.items() if isinstance(value, SHAPES.get(name, object))}


def follow(before, data, at):
    """``(state, decided_at)`` of a proposal behind an entry with this ``data``; ``before``: ahead of it.

    ``(None, None)`` before the first; entries that name no state change nothing.
    """
    state, decided_at = before
    if "state" not in data or data["state"] == state:
        return before
    if data["state"] == State.AWAITING_APPROVAL:
        return data["state"], None
    if state == State.AWAITING_APPROVAL or data["state"] == State.WITHDRAWN:
        decided_at = at
    return data["state"], decided_at


def is_jump(before, data):
    """Whether an entry moved a proposal from where no decision leads: somebody had edited its state."""
    old, known = before[0], [state.value for state in State]
    new = data.get("state", old)
    if old is None or new == old:
        return False
    # Whoever edits an entry may write anything.
    return old not in known or new not in known or not may_move(old, new)
