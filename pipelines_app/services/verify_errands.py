"""Whether errands ended as the chain tells: what was carried out, judged, reminded and escalated.

When one that is open is due follows from the chain and the versions; after an attempt that failed it is
due a little later. Mails, figures and answers have modules of their own.
"""

from datetime import timedelta

from django.utils import timezone

from pipelines_app import conf
from pipelines_app.core.states import State
from pipelines_app.models import Errand
from pipelines_app.queries.unless import WATCH
from pipelines_app.services.errands.deadlines import ESCALATE, REMIND
from pipelines_app.services.errands.plan import ACT, ANSWER, FIGURE, MAIL, MEASURE
from pipelines_app.services.verify_ends import is_ended_so
from pipelines_app.services.verify_work import is_put_off

# What a state must have.
KINDS = {State.APPROVED: ACT, State.EXECUTING: ACT, State.MEASURING: MEASURE}
POINTLESS = "not done: "  # how outcomes begin that move no proposal


def check_errands(story, report, using):
    """Names each errand whose end was changed, made up or taken away, and each that was put off."""
    left, waiting, now = dict(story.errands), list_waiting(story), timezone.now()
    rows = Errand.objects.using(using).exclude(kind__in=(ANSWER, FIGURE, MAIL))
    for row in rows.order_by("pk").iterator(chunk_size=2000):
        # What the chain tells of is for nobody in particular: with a recipient it is not that errand.
        key = row.pipeline_id, row.version, row.kind + row.recipient
        needed, told, due = key in waiting, left.pop(key, None), waiting.pop(key, None)
        if is_made_up(row, story) or (needed and told is None and row.outcome.startswith(POINTLESS)):
            report.faults.append(f"the errand {name_errand(*key)} was made up")
        elif not is_ended_so(row, told, story):
            report.faults.append(f"the errand {name_errand(*key)} was changed")
        elif due and row.done_at is None and is_moved(row, due, now):
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
    if row.kind == WATCH:
        return key not in story.unless
    number, times = story.deadlines.get(row.pipeline_id, (None, {}))
    return row.kind in (REMIND, ESCALATE) and number == row.version and row.kind not in times


def is_moved(row, due, now):
    """Whether an open errand is due at another time than it was planned for, or than an attempt led to."""
    if row.kind == ACT:
        # The moment of its approval, or of another attempt that somebody asked for.
        return is_put_off(row, max(due, now) + timedelta(seconds=conf.get("EXECUTE_AFTER")), now)
    return is_put_off(row, due, now) or (not row.error and row.due_at != due)


def name_errand(pipeline, version, kind):
    """``act of proposal #12, version 1``."""
    return f"{kind} of proposal #{pipeline}, version {version}"
