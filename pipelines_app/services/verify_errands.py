"""Whether errands ended as the chain tells: what was carried out, judged, reminded and escalated.

When one is due, and what went wrong before it ended, is work at hand and stands in no entry; nor do mails,
figures and answers.
Watches have a module of their own.
"""

from pipelines_app.core.states import State
from pipelines_app.models import Errand
from pipelines_app.queries.unless import WATCH
from pipelines_app.services.errands.act import HANDED_OVER
from pipelines_app.services.errands.deadlines import tell_outcome
from pipelines_app.services.errands.measure import tell_verdict
from pipelines_app.services.errands.plan import ACT, ANSWER, FIGURE, LONGEST, MAIL, MEASURE

# How outcomes begin that move no proposal.
UNTOLD = ("not done: ", "not judged: ", "failed after ")


def check_errands(story, report, using):
    """Names each errand whose end was changed, made up or taken away."""
    left, waiting = dict(story.errands), list_waiting(story)
    rows = Errand.objects.using(using).exclude(kind__in=(ANSWER, FIGURE, MAIL, WATCH))
    for row in rows.order_by("pk").iterator(chunk_size=2000):
        # What the chain tells of is for nobody in particular: with a recipient it is not that errand.
        key = row.pipeline_id, row.version, row.kind + row.recipient
        told = left.pop(key, None)
        waiting.discard(key)
        if not is_ended_so(row, told):
            report.faults.append(f"the errand {name_errand(*key)} was changed")
    report.faults += [f"the errand {name_errand(*key)} is gone" for key in (*left, *sorted(waiting))]


def list_waiting(story):
    """The keys of the errands that must be there: what was approved and has not begun, what is measured."""
    kinds = {State.APPROVED: ACT, State.MEASURING: MEASURE}
    return {
        (pipeline, story.approved[pipeline], kinds[state])
        for pipeline, (state, _) in story.states.items()
        if state in kinds and (pipeline, story.approved.get(pipeline)) in story.executable
    }


def name_errand(pipeline, version, kind):
    """``act of proposal #12, version 1``."""
    return f"{kind} of proposal #{pipeline}, version {version}"


def is_ended_so(row, told):
    """Whether an errand has the end that an entry tells of, or none that one would."""
    if row.done_at is None:
        # What gave up is ended behind its entry; a worker that dies in between leaves that to the next.
        return row.outcome == "" and (told is None or told[0].event == "failed")
    if row.error:
        return False
    if told is None:
        return tells_no_end(row)
    entry, data = told
    if entry.event == "failed":
        return row.outcome.startswith(("failed after ", "not done: "))
    return (row.outcome, row.done_at) == (tell_end(row.kind, entry.event, data)[:LONGEST], entry.at)


def tells_no_end(row):
    """Whether the outcome of an errand that no entry tells of claims nothing that one would."""
    return row.outcome.startswith(UNTOLD) or (row.kind == ACT and row.outcome == HANDED_OVER)


def tell_end(kind, event, data):
    """The outcome of an errand, from what its entry says."""
    if kind == ACT:
        return data["outcome"]
    if kind == MEASURE:
        return tell_verdict(data["verdict"], data["reason"])
    return tell_outcome(event, data["people"])
