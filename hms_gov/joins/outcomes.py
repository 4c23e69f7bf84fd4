"""How the proposals stand that breaches opened, or were noted on: ``METRICS_APP["OUTCOMES"]``."""

from collections import defaultdict

from hms_gov.joins.marks import describe_move
from metrics_app.addresses import find_address
from metrics_app.core.text.words import PROPOSAL
from pipelines_app import queries
from pipelines_app.core.states import LABELS, State
from pipelines_app.models import AuditEntry, Pipeline

NOTHING = {"text": "", "href": "", "waits": False}
WAITS = "waits for a decision"
# What the last entry does not say of itself: what goes on since.
GOES_ON = {
    State.EXECUTING: "is being carried out",
    State.MEASURING: "was carried out, and its effect is being measured",
}
# What says more than the state: it was decided before; nobody but people can carry it out.
SAYS_MORE = ("undone", "reopened", "handed over", "retried")


def describe_outcomes(breaches, user=None):
    """``{breach id: {"text", "href", "waits"}}`` of the breaches whose outcome names one of our proposals.

    Of one that ``user`` may not see nothing is told; None: whoever sees the breach's KPI. Two queries for
    all.
    """
    numbers = {row.pk: int(found[1]) for row in breaches if (found := PROPOSAL.search(row.outcome))}
    rows = Pipeline.objects.filter(pk__in=set(numbers.values())).defer(*queries.HEAVY).in_bulk()
    moves = list_moves(rows)
    return {
        breach.pk: describe_outcome(pipeline, moves[pipeline.pk])
        if may_be_told(pipeline, breach.threshold.kpi, user)
        else NOTHING
        for breach in breaches
        if (pipeline := rows.get(numbers.get(breach.pk)))
    }


def may_be_told(pipeline, kpi, user):
    """Whether a person may see a proposal; without one, whether all who see the KPI may."""
    if user is not None:
        return queries.is_visible(pipeline, user)
    return pipeline.restricted_to_id in (None, kpi.owner_id if kpi.restricted else None)


def list_moves(ids):
    """``{proposal id: its audit entries}`` in order; one query for all."""
    found = defaultdict(list)
    for entry in AuditEntry.objects.filter(pipeline__in=ids).only_moves().order_by("seq").checked():
        found[entry.pipeline_id].append(entry)
    return found


def describe_outcome(pipeline, entries):
    """How one proposal stands."""
    return {
        "text": f"Proposal #{pipeline.pk} {tell_standing(pipeline, entries)}",
        "href": find_address("pipeline_detail", pipeline.pk),
        "waits": pipeline.is_open,
    }


def tell_standing(pipeline, entries):
    """ "approved by Ada", "waits for a decision", "proved effective": by the last entry that moved it."""
    last = next((one for one in reversed(entries) if one.event != "changed" and describe_move(one)), None)
    if last is None:
        return LABELS[State(pipeline.state)].lower()
    if not last.is_intact or last.event in SAYS_MORE:
        return describe_move(last)[1]
    return WAITS if pipeline.is_open else GOES_ON.get(pipeline.state) or describe_move(last)[1]
