"""What a set of votes comes to."""

from pipelines_app.core.states import State

APPROVE = "approve"
REJECT = "reject"


def tally(votes, quorum):
    """The state that the votes on one version lead to; each person counts once.

    ``votes`` are pairs of a person's id and a vote. One reject ends it, ``quorum``
    approvals pass it, fewer leave it waiting.
    """
    if any(vote == REJECT for _, vote in votes):
        return State.REJECTED
    approvers = {person for person, vote in votes if vote == APPROVE}
    return State.APPROVED if len(approvers) >= quorum else State.AWAITING_APPROVAL
