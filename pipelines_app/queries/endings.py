"""How the waiting of proposals ended, and through whom."""

from collections import Counter

from pipelines_app.core.states import AGREED, OPEN, State
from pipelines_app.core.voting import APPROVE, REJECT

PAST = {APPROVE: "approved", REJECT: "rejected"}


def find_deciding_vote(pipeline):
    """The vote that ended the waiting, or None: nobody's, or it ended by itself or was taken back."""
    if pipeline.state in OPEN | {State.EXPIRED, State.WITHDRAWN}:
        return None
    return max(pipeline.decisions.all(), key=lambda vote: vote.pk, default=None)


def tell_end(pipeline, decision):
    """A sentence that says how the waiting ended, and through whom."""
    if decision is None:
        return f"Proposal #{pipeline.pk} no longer awaits a decision: it is {pipeline.standing}."
    said = f": “{decision.comment}”" if decision.comment else ""
    return (
        f"{decision.name} {PAST[decision.vote]} proposal #{pipeline.pk} first, "
        f"at {decision.created_at:%Y-%m-%d %H:%M:%S} UTC{said}. It is {pipeline.standing} now."
    )


def count_decided(pipelines, *, since):
    """How many were ``{"approved", "rejected", "expired", "withdrawn"}`` since a moment."""
    states = Counter(pipelines.filter(decided_at__gte=since).values_list("state", flat=True))
    counts = {name: states[name] for name in ("rejected", "expired", "withdrawn")}
    return {"approved": sum(states[state] for state in AGREED)} | counts
