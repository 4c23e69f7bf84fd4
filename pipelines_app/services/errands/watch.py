"""The watch of a rejection: it looks whether what was named has come, until its end.

The row is the watch: whoever dies over it leaves it to the next drain, and what it brings about it
writes under the lock of the proposal, once. At its end, by the clock, it brings nothing about any more.
"""

import logging
from datetime import timedelta

from django.db import IntegrityError, transaction

from pipelines_app import queries
from pipelines_app.core.errands import flatten
from pipelines_app.core.moments import to_ms
from pipelines_app.core.states import State
from pipelines_app.core.urgency import measure_overrun
from pipelines_app.exceptions import Impossible, Postponed, Tampered
from pipelines_app.queries.measuring import ask
from pipelines_app.queries.unless import CROSSING, find_unless
from pipelines_app.services.audit import append_audit
from pipelines_app.services.errands.deadlines import plan_deadlines
from pipelines_app.services.errands.plan import describe_mails, end_errand
from pipelines_app.services.moves import lock_pipeline, move, refuse_second, tell_later
from pipelines_app.services.plans import plan_again
from pipelines_app.services.terms import describe_times, find_wait, keep_terms
from pipelines_app.services.versions import store_version

logger = logging.getLogger(__name__)
BY = "the watch"
ENDED = "watch ended"
AGAIN = "it waits again: "
LOOK = timedelta(seconds=30)  # between two looks; each sees every minute since the last, up to an hour


def look(errand, now):
    """Reopens the proposal where what its rejection named has come; in words. Postponed where it has not."""
    unless = find_unless(errand.pipeline)
    if unless is None:
        raise Impossible("what the rejection waits for is not as it was frozen")
    if now >= unless.until:
        return end_watch(errand, "its time is over", now)
    found = read_crossing(errand.pipeline, unless, now)
    if not found or found["at"] is None:
        # A year of looks may meet some faults: each is over once one has seen that it has not come.
        errand.attempts = 1
        seen = (found["text"] or "nothing measured yet") if found else "nothing measures its KPI"
        raise Postponed(f"not yet: {seen}", until=min(now + LOOK, unless.until))
    return reopen(errand, unless, found, now)


def read_crossing(pipeline, unless, now):
    """What the project says came since the rejection; Postponed where it cannot be read."""
    since, end = to_ms(pipeline.decided_at), to_ms(now)
    try:
        return ask(CROSSING, pipeline.topic, unless.rule, since, end)
    except Exception as error:
        # It may be away for hours, and is looked for again: attempts are not counted.
        logger.warning("The watch of proposal #%s cannot read %s: %s", pipeline.pk, pipeline.topic, error)
        until = min(now + LOOK, unless.until)
        raise Postponed(f"it cannot be read: {flatten(error)}", until=until) from error


def reopen(errand, unless, found, now):
    """Makes the rejected proposal wait again as a new version, once; what came of it, in words."""
    # Before the transaction, because reading a year may take a moment.
    row = errand.pipeline
    planned = plan_again(row, queries.find_plan(row), found["at"])
    outcome = f"{AGAIN}{found['text']}"
    try:
        with transaction.atomic():
            pipeline = lock_pipeline(row.pk)
            if (pipeline.state, pipeline.version) != (State.REJECTED, errand.version):
                return f"not done: it is {pipeline.standing}, version {pipeline.version}"
            if not end_errand(errand, outcome, at=now):
                return "not done: another worker has taken it over"
            reopen_locked(pipeline, unless, found, planned, now)
    except IntegrityError:
        return end_watch(errand, "another proposal of its title is open", now)
    except Tampered as error:
        raise Impossible(str(error)) from None
    return outcome


def reopen_locked(pipeline, unless, found, planned, now):
    """Writes the new version of a locked proposal: its deadline begins anew, its votes are cast anew."""
    terms = keep_terms(queries.read_version(pipeline))
    history = describe_history(pipeline, unless, found)
    evidence = pipeline.evidence
    pipeline.version += 1
    pipeline.due_at = now + timedelta(seconds=find_wait(pipeline))
    pipeline.latest_kpi, pipeline.latest_at = found["value"], now
    pipeline.overrun = measure_overrun(found["value"], evidence.get("limit"), evidence.get("operator"))
    pipeline.save(update_fields=["version", "due_at", "latest_kpi", "latest_at", "overrun"])
    terms |= describe_times(now, pipeline.due_at)
    terms |= {"eligible": queries.count_seats(pipeline, now=now), "reopened": history}
    terms |= {"measuring": planned} if planned else {}
    data = {"said": f"{found['text']}, {unless.said}", "value": found["value"], "at": found["at"]}
    data |= store_version(pipeline, terms=terms, at=now)
    people = queries.list_deciders(pipeline, now=now)
    data |= describe_mails(people)
    move(pipeline, State.AWAITING_APPROVAL, actor=BY, event="reopened", data=data, at=now)
    refuse_second(pipeline)
    plan_deadlines(pipeline, event="reopened", people=people, now=now)


def describe_history(pipeline, unless, found):
    """What the new version freezes of the one before: who rejected it and why, and what has come since."""
    decision = queries.find_deciding_vote(pipeline)
    return {
        "at": found["at"],
        "value": found["value"],
        "text": found["text"],
        "n": found["n"],
        "label": unless.label,
        "unless": unless.said,
        "version": pipeline.version,
        "by": unless.by,
        "comment": decision.comment if decision else "",
        "rejected_at": to_ms(pipeline.decided_at),
    }


def end_watch(errand, reason, now):
    """Ends the watch without the proposal waiting again: its title may be proposed anew. In words."""
    with transaction.atomic():
        pipeline = lock_pipeline(errand.pipeline_id)
        if (pipeline.state, pipeline.version) != (State.REJECTED, errand.version):
            return f"not done: it is {pipeline.standing}, version {pipeline.version}"
        if not end_errand(errand, tell_watch(reason), at=now):
            return "not done: another worker has taken it over"
        write_end(pipeline, reason, now)
    return tell_watch(reason)


def tell_watch(reason):
    """``ended: its time is over``."""
    return f"ended: {reason}"


def give_up(errand, reason, now):
    """Says in the chain that nothing is waited for any more; whoever calls ends the errand."""
    with transaction.atomic():
        pipeline = lock_pipeline(errand.pipeline_id)
        if (pipeline.state, pipeline.version) == (State.REJECTED, errand.version):
            write_end(pipeline, reason, now)


def write_end(pipeline, reason, now):
    """The audit entry of a watch that ended; of a locked proposal."""
    data = {"version": pipeline.version, "comment": reason}
    append_audit(pipeline=pipeline, actor=BY, event=ENDED, data=data, at=now)
    tell_later(pipeline)
