"""Whether errands ended as the chain tells: what was carried out, judged, reminded and escalated.

When one that is open is due follows from the chain and the versions; after an attempt that failed it is
due a little later. What went wrong, and figures and answers, stand in no entry. Mails and watches have
modules of their own.
"""

from datetime import timedelta

from django.utils import timezone

from pipelines_app import conf
from pipelines_app.core.states import State
from pipelines_app.models import Errand
from pipelines_app.queries.unless import WATCH
from pipelines_app.services.errands.act import HANDED_OVER
from pipelines_app.services.errands.deadlines import ESCALATE, REMIND, tell_outcome
from pipelines_app.services.errands.measure import tell_verdict
from pipelines_app.services.errands.plan import ACT, ANSWER, FIGURE, LONGEST, MAIL, MEASURE

# What a state must have.
KINDS = {State.APPROVED: ACT, State.EXECUTING: ACT, State.MEASURING: MEASURE}
LONGEST_WAIT = timedelta(hours=1)  # more than between any two attempts
ACT_SLACK = timedelta(days=1)
# How outcomes begin that move no proposal.
POINTLESS = "not done: "
UNTOLD = (POINTLESS, "not judged: ", "failed after ")


def check_errands(story, report, using):
    """Names each errand whose end was changed, made up or taken away, and each that was put off."""
    left, waiting, now = dict(story.errands), list_waiting(story), timezone.now()
    rows = Errand.objects.using(using).exclude(kind__in=(ANSWER, FIGURE, MAIL, WATCH))
    for row in rows.order_by("pk").iterator(chunk_size=2000):
        # What the chain tells of is for nobody in particular: with a recipient it is not that errand.
        key = row.pipeline_id, row.version, row.kind + row.recipient
        needed, told, due = key in waiting, left.pop(key, None), waiting.pop(key, None)
        if is_made_up(row, story) or (needed and told is None and row.outcome.startswith(POINTLESS)):
            report.faults.append(f"the errand {name_errand(*key)} was made up")
        elif not is_ended_so(row, told):
            report.faults.append(f"the errand {name_errand(*key)} was changed")
        elif due and row.done_at is None and is_put_off(row, due, now):
            report.faults.append(f"the errand {name_errand(*key)} was put off")
    report.faults += [f"the errand {name_errand(*key)} is gone" for key in (*left, *sorted(waiting))]


def list_waiting(story):
    """``{key: when it is due, or None}`` of the errands that must be there, by state and version.

    What was approved is carried out, what is measured is judged, and what waits has its deadlines.
    """
    found = {}
    for pipeline, (state, _) in story.states.items():
        version, kind = story.approved.get(pipeline), KINDS.get(state)
        if kind and (pipeline, version) in story.executable:
            told = story.spans.get(pipeline) if kind == MEASURE else story.ends[pipeline][1]
            found[pipeline, version, kind] = told
        if state == State.AWAITING_APPROVAL and pipeline in story.deadlines:
            number, times = story.deadlines[pipeline]
            found |= {(pipeline, number, kind): at for kind, at in times.items()}
    return found


def is_made_up(row, story):
    """Whether an errand asks for what the chain never led to: to carry out a version that nobody approved,
    to judge what was not carried out, to press for what has no such deadline."""
    key = row.pipeline_id, row.version
    if row.kind == ACT:
        return key not in story.approvals
    if row.kind == MEASURE:
        return row.pipeline_id not in story.measured
    number, times = story.deadlines.get(row.pipeline_id, (None, {}))
    return row.kind in (REMIND, ESCALATE) and number == row.version and row.kind not in times


def is_put_off(row, due, now):
    """Whether an open errand is due at another time than it was planned for, or than an attempt led to."""
    if row.kind == ACT:
        # The seconds to undo are a setting, which may have been another then.
        return row.due_at > max(due, now) + timedelta(seconds=conf.get("EXECUTE_AFTER")) + ACT_SLACK
    if row.error:
        return row.due_at > max(due, now) + LONGEST_WAIT
    return row.due_at != due


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
        return row.outcome.startswith(("failed after ", POINTLESS))
    return (row.outcome, row.done_at) == (tell_end(row.kind, entry.event, data)[:LONGEST], entry.at)


def tells_no_end(row):
    """Whether the outcome of an errand that no entry tells of claims nothing that one would."""
    return row.outcome.startswith(UNTOLD) or (row.kind == ACT and row.outcome == HANDED_OVER)


def tell_end(kind, event, data):
    """The outcome of an errand, from what its entry says, which may have been broken."""
    if kind == ACT:
        return data.get("outcome", "")
    if kind == MEASURE:
        return tell_verdict(data.get("verdict", ""), data.get("reason", ""))
    return tell_outcome(event, data.get("people"))
