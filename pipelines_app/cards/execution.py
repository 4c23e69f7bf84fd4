"""What follows an approval, before the button and after it, and what a person can do about it."""

from dataclasses import dataclass

from django.utils import timezone

from pipelines_app import conf, queries
from pipelines_app.actions.manual import DESCRIPTION, is_manual
from pipelines_app.actions.registry import describe_action
from pipelines_app.cards.effects import UNMEASURED, describe_outcome, tell_day, tell_promise, write_day
from pipelines_app.cards.guardrails import list_guardrails, tell_guarded, tell_harm
from pipelines_app.cards.unless import describe_watched
from pipelines_app.cards.writing import tell_when, write
from pipelines_app.core.counts import count_words
from pipelines_app.core.moments import to_ms
from pipelines_app.core.states import State
from pipelines_app.core.versions import IMPOSSIBLE
from pipelines_app.exceptions import Tampered


@dataclass(frozen=True)
class Execution:
    """Words and steps: ``follows`` while it waits, ``progress`` once it was approved.

    ``blocked`` says why nobody can approve it as it is.
    ``begins`` (ms) is counted down by the page; ``steps`` are names of services that this person may
    call now; ``first_day`` and ``last_day`` bound the day that a manual step is confirmed with.
    """

    follows: str = ""
    blocked: str = ""
    progress: str = ""
    begins: int | None = None
    steps: tuple = ()
    first_day: str = ""
    last_day: str = ""


def describe_execution(pipeline, user, *, now=None, find_stop=queries.find_stop):
    """The ``Execution`` of a proposal as this person may see it.

    ``find_stop`` answers the stop switch while it is on: for many one that asks once.
    """
    now = now or timezone.now()
    if not hasattr(pipeline, "sight"):
        queries.look(pipeline, queries.sight_of(user))
    if pipeline.is_open:
        if blocked := tell_blocked(pipeline):
            return Execution(blocked=blocked)
        follows = tell_following(pipeline, find_stop)
        planned = queries.find_plan(pipeline)
        told = (follows, tell_promise(planned, now), tell_guarded(pipeline, planned)) if follows else ()
        return Execution(follows=" ".join(filter(None, told)))
    describe = DESCRIBED.get(State(pipeline.state))
    if describe is None:
        return Execution()
    fields = describe(pipeline, user, now, find_stop)
    steps = fields.get("steps", ()) if user.pk is not None else ()
    if steps and queries.why_not_change(pipeline, user, now=now):
        # Who approved in somebody's place, and does not decide on it otherwise, may still think again.
        steps = tuple(step for step in steps if step == "undo")
    return Execution(**fields | {"steps": steps})


def tell_blocked(pipeline):
    """Why its action cannot be carried out, and what to do about it; empty where it can."""
    why_not = (queries.peek_version(pipeline) or {}).get(IMPOSSIBLE, "")
    return why_not and (
        f"Its action “{pipeline.action}” cannot be done: {why_not.rstrip('.')}. "
        "Before anybody can approve it, suggest something else: that is done by hand then."
    )


def tell_following(pipeline, find_stop=queries.find_stop):
    """``Approving sends the webhook hr-desk in 10 s; until then it can be undone.``"""
    document = queries.peek_version(pipeline)
    if document is None:
        return ""
    left = 1 if document["quorum"] == 1 else document["quorum"] - queries.count_approvals(pipeline)
    lead = "Approving" if left <= 1 else f"After {count_words(left, 'more approval')} it"
    seconds = conf.get("EXECUTE_AFTER")
    when, undo = (
        ("at once", "") if not seconds else (f"in {write_seconds(seconds)}", "; until then it can be undone")
    )
    if find_stop():
        when, undo = "once what is stopped goes on", "; until then it can be taken back"
    if is_manual(document["action"]):
        does = f"{DESCRIPTION}: it stands under To do {when}, to be confirmed with its day"
        return f"{lead} {does}{undo}."
    return f"{lead} {describe_action(document['action'], document['action_params'])} {when}{undo}."


def write_seconds(seconds):
    """A number of seconds for people, whatever the project writes values with."""
    return write(seconds, "seconds") if conf.get("FORMAT") else f"{seconds:g} s"


def describe_approved(pipeline, user, now, find_stop):
    """It has not begun: until its time it can be undone, then revoked."""
    end, stop = queries.find_undo_end(pipeline), find_stop()
    undo = ("undo",) if end > now and queries.has_approved(pipeline, user) else ()
    fields = {"steps": (*undo, "withdraw")}
    errand = queries.find_errand(pipeline)
    if errand is None:
        return fields | {
            "progress": "It was approved before approvals were carried out: nothing will be done."
        }
    if stop is not None:
        held = f"It is held: {stop.by_name} stopped all actions {tell_when(stop.at, now)} (“{stop.reason}”)."
        return fields | {"progress": f"{held} {stop.remark}".strip()}
    if end > now:
        return fields | {"progress": "It will be carried out", "begins": to_ms(end)}
    return fields | {"progress": f"It is about to be carried out.{tell_last(errand)}"}


def describe_executing(pipeline, user, now, find_stop):
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
    if not errand.attempts:
        return {"progress": f"It is being carried out.{tell_last(errand)}", "steps": ("fail",)}
    failed, again = f"attempt {errand.attempts} failed ({errand.error})", tell_when(errand.due_at, now)
    return {
        "progress": f"It is being carried out: {failed}; it is tried again {again}.",
        "steps": ("fail",),
    }


def tell_last(errand):
    """Why an errand is not done yet, as a sentence after others: it failed, or was put off untried."""
    if not errand.error:
        return ""
    if errand.attempts:
        return f" The last attempt failed: {errand.error}."
    return f" {errand.error[:1].upper()}{errand.error[1:]}."


def describe_failed(pipeline, user, now, find_stop):
    """A person tries again, where that can help, or takes it back."""
    told, stop = f"It failed: {pipeline.outcome}.".replace("..", "."), find_stop()
    why_not = (
        f"{stop.by_name} stopped all actions (“{stop.reason}”). {stop.remark}".strip()
        if stop
        else queries.why_not_retry(pipeline)
    )
    steps = ("withdraw",) if why_not else ("retry", "withdraw")
    return {"progress": f"{told} {why_not}".strip(), "steps": steps}


def describe_done(pipeline, user, now, find_stop):
    """What came of it, and why whether it has helped is not measured."""
    planned = queries.find_plan(pipeline)
    why = UNMEASURED.get(planned["reason"]) if planned else "it was opened before effects were measured"
    return {"progress": f"{tell_done(pipeline, now)} Its effect is not measured: {why}."}


def tell_done(pipeline, now):
    """``It was carried out at 10:12 CET: paid 2.``; by hand on a day, with who said so and when."""
    if not is_manual(pipeline.action):
        return f"It was carried out {tell_when(pipeline.carried_out_at, now)}: {pipeline.outcome}."
    # It has a day and no time of day; when somebody said so is another thing.
    entry = pipeline.audit.filter(event="done").order_by("-seq").first()
    said = f", as {entry.actor} confirmed {tell_when(entry.at, now)}" if entry else ""
    # The site's midnight is the day before for readers west of it.
    day = timezone.localtime(pipeline.carried_out_at, timezone.get_default_timezone())
    return f"It was done by hand on {write_day(day)}{said}."


def describe_measuring(pipeline, user, now, find_stop):
    """When it is judged; nothing of what was measured so far, which would tempt to conclude from it."""
    try:
        span = queries.find_span(pipeline)
    except Tampered as error:
        return {"progress": f"{tell_done(pipeline, now)} {error}."}
    if to_ms(now) < span["judged_at"]:
        when = f"Its effect is judged on {tell_day(span['judged_at'])}, and not looked at before."
        return {"progress": f"{tell_done(pipeline, now)} {when}"}
    errand = queries.find_errand(pipeline, "measure")
    failed = f" The last attempt failed: {errand.error}." if errand and errand.error else ""
    return {"progress": f"{tell_done(pipeline, now)} Its effect is being judged.{failed}"}


def describe_judged(pipeline, user, now, find_stop):
    """The verdict in words; what proves nothing waits to be closed."""
    outcome = describe_outcome(pipeline)
    if outcome is None:
        return {"progress": tell_done(pipeline, now)}
    told = (VERDICTS[State(pipeline.state)], outcome.sentence, outcome.why, outcome.fault)
    told += (tell_harm(list_guardrails(pipeline), pipeline.state), outcome.closed)
    sentence = " ".join(f"{part.rstrip('.')}." for part in told if part)
    is_open = pipeline.state == State.INCONCLUSIVE and not outcome.closed
    return {"progress": sentence, "steps": ("close",) if is_open else ()}


VERDICTS = {
    State.EFFECTIVE: "It was effective",
    State.INEFFECTIVE: "It had no effect",
    State.HARMFUL: "It did harm",
    State.INCONCLUSIVE: "Its effect is inconclusive",
}


DESCRIBED = {
    State.REJECTED: describe_watched,
    State.APPROVED: describe_approved,
    State.EXECUTING: describe_executing,
    State.FAILED: describe_failed,
    State.DONE: describe_done,
    State.MEASURING: describe_measuring,
    **dict.fromkeys(VERDICTS, describe_judged),
}
