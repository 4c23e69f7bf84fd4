"""The life of a proposal: its states and the moves between them."""

from enum import StrEnum


class State(StrEnum):
    """Where a proposal stands; the values are those of the API."""

    AWAITING_APPROVAL = "awaiting_approval"
    APPROVED = "approved"
    EXECUTING = "executing"
    DONE = "done"
    MEASURING = "measuring"
    EFFECTIVE = "effective"
    INEFFECTIVE = "ineffective"
    HARMFUL = "harmful"
    INCONCLUSIVE = "inconclusive"
    REJECTED = "rejected"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    FAILED = "failed"


# Every move there is; whatever is not here is refused, whoever asks for it.
MOVES = {
    State.AWAITING_APPROVAL: {State.APPROVED, State.REJECTED, State.EXPIRED, State.WITHDRAWN},
    # Back to waiting: undone. Failed at once: what was approved is no longer what was frozen.
    State.APPROVED: {State.EXECUTING, State.WITHDRAWN, State.AWAITING_APPROVAL, State.FAILED},
    State.EXECUTING: {State.DONE, State.FAILED},
    State.FAILED: {State.EXECUTING, State.WITHDRAWN},
    # What the rejection waited for has come; or nobody waits for it any more.
    State.REJECTED: {State.AWAITING_APPROVAL, State.WITHDRAWN},
    State.DONE: {State.MEASURING},
    State.MEASURING: {State.EFFECTIVE, State.INEFFECTIVE, State.HARMFUL, State.INCONCLUSIVE},
}

# Open: people still have to answer it, so a repeat adds nothing but a newer value.
OPEN = frozenset({State.AWAITING_APPROVAL})

# Approved, and nobody knows yet whether it helps: a repeat is what was to be expected.
UNJUDGED = frozenset({State.APPROVED, State.EXECUTING, State.MEASURING})

# What measuring leads to.
VERDICTS = frozenset({State.EFFECTIVE, State.INEFFECTIVE, State.HARMFUL, State.INCONCLUSIVE})

# Ends in which nobody agreed to it, or not for good.
REFUSED = frozenset({State.REJECTED, State.EXPIRED, State.WITHDRAWN})

# Every state that only an approval leads to.
AGREED = frozenset(State) - REFUSED - OPEN

LABELS = {state: state.value.replace("_", " ").capitalize() for state in State}


def may_move(old, new):
    """Whether a proposal in state ``old`` can come into state ``new``."""
    return State(new) in MOVES.get(State(old), ())
