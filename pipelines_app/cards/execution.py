"""What follows an approval, before the button and after it, and what a person can do about it."""

from dataclasses import dataclass

from django.utils import timezone

from pipelines_app import conf, queries
from pipelines_app.actions.manual import DESCRIPTION, is_manual
from pipelines_app.actions.registry import describe_action
from pipelines_app.cards.writing import tell_time, write
from pipelines_app.core.states import State

UNMEASURED = "Whether it has helped is not measured."


@dataclass(frozen=True)
class Execution:
    """Words and steps: ``follows`` while it waits, ``progress`` once it was approved.

    ``begins`` (ms) is counted down by the page; ``steps`` are names of services that this person may
    call now; ``first_day`` and ``last_day`` bound the day that a manual step is confirmed with.
    """

    follows: str = ""
    progress: str = ""
    begins: int | None = None
    steps: tuple = ()
    first_day: str = ""
    last_day: str = ""


def describe_execution(pipeline, user, *, now=None):
    """The ``Execution`` of a proposal as this person may see it."""
    now = now or timezone.now()
    if pipeline.is_open:
        return Execution(follows=tell_following(pipeline))
    describe = DESCRIBED.get(State(pipeline.state))
    if describe is None:
        return Execution()
    fields = describe(pipeline, user, now)
    steps = fields.get("steps", ()) if user.pk is not None else ()
    if steps and queries.why_not_change(pipeline, user, now=now):
        # Who approved in somebody's place, and does not decide on it otherwise, may still think again.
        steps = tuple(step for step in steps if step == "undo")
    return Execution(**fields | {"steps": steps})


def tell_following(pipeline):
    """``Approving sends the webhook hr-desk in 10 s; until then it can be undone.``"""
    document = queries.peek_version(pipeline)
    if document is None:
        return ""
    left = 1 if document["quorum"] == 1 else document["quorum"] - count_approvals(pipeline)
    lead = "Approving" if left <= 1 else f"After {left} more approvals it"
    seconds = conf.get("EXECUTE_AFTER")
    when, undo = (
        ("at once", "") if not seconds else (f"in {write_seconds(seconds)}", "; until then it can be undone")
    )
    if is_manual(document["action"]):
        does = f"{DESCRIPTION}: it stands under To do {when}, to be confirmed with its day"
        return f"{lead} {does}{undo}."
    return f"{lead} {describe_action(document['action'], document['action_params'])} {when}{undo}."


def write_seconds(seconds):
    """A number of seconds for people, whatever the project writes values with."""
    return write(seconds, "seconds") if conf.get("FORMAT") else f"{seconds:g} s"


def count_approvals(pipeline):
    """The approvals of the present version."""
    return pipeline.decisions.filter(version=pipeline.version, vote="approve").count()


def describe_approved(pipeline, user, now):
    """It has not begun: until its time it can be undone, then revoked."""
    end, stop = queries.find_undo_end(pipeline), queries.find_stop()
    undo = ("undo",) if end > now and queries.has_approved(pipeline, user) else ()
    fields = {"steps": (*undo, "withdraw")}
    errand = queries.find_errand(pipeline)
    if errand is None:
        return fields | {
            "progress": "It was approved before approvals were carried out: nothing will be done."
        }
    if stop is not None:
        held = (
            f"It is held: {stop.by_name} stopped all actions at {tell_time(stop.at, now)} (“{stop.reason}”)."
        )
        return fields | {"progress": held}
    if end > now:
        return fields | {"progress": "It will be carried out", "begins": queries.to_ms(end)}
    again = f" The last attempt failed: {errand.error}." if errand.error else ""
    return fields | {"progress": f"It is about to be carried out.{again}"}


def describe_executing(pipeline, user, now):
    """It has begun: a manual step waits for its day, an action for its end."""
    if is_manual(pipeline.action):
        days = timezone.localdate(pipeline.decided_at), timezone.localdate(now)
        return {
            "progress": "It waits for somebody to do it, and to say on which day it was done.",
            "steps": ("confirm", "fail"),
            "first_day": f"{days[0]}",
            "last_day": f"{days[1]}",
        }
    errand = queries.find_errand(pipeline)
    if errand is None or not errand.error:
        return {"progress": "It is being carried out."}
    failed, again = f"attempt {errand.attempts} failed ({errand.error})", tell_time(errand.due_at, now)
    return {
        "progress": f"It is being carried out: {failed}; it is tried again at {again}.",
        "steps": ("fail",),
    }


def describe_failed(pipeline, user, now):
    """A person tries again, or takes it back."""
    return {"progress": f"It failed: {pipeline.outcome}.".replace("..", "."), "steps": ("retry", "withdraw")}


def describe_done(pipeline, user, now):
    """What came of it; whether it has helped nobody knows."""
    at = "" if is_manual(pipeline.action) else f" at {tell_time(pipeline.carried_out_at, now)}"
    measured = UNMEASURED if pipeline.topic else "No KPI measures it."
    return {"progress": f"It was carried out{at}: {pipeline.outcome}. {measured}"}


DESCRIBED = {
    State.APPROVED: describe_approved,
    State.EXECUTING: describe_executing,
    State.FAILED: describe_failed,
    State.DONE: describe_done,
}
