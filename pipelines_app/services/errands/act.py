"""Carrying out what was approved: begun once, asked for under one key until it is done or has failed.

What is claimed is moved to ``executing`` first, under the lock of the proposal and with the stop
switch in hand; then the action is called, outside of any transaction. A worker that dies in
between leaves its claim to the next one, which asks again under the same key.
"""

from datetime import UTC, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from pipelines_app.actions.manual import is_manual
from pipelines_app.actions.registry import find_action, name_lane
from pipelines_app.core.errands import flatten
from pipelines_app.core.states import State
from pipelines_app.exceptions import BadInput, Impossible, Postponed, Tampered
from pipelines_app.models import Errand
from pipelines_app.queries import HEAVY, find_undo_end, make_order, read_version
from pipelines_app.queries.stops import find_stop
from pipelines_app.services.errands.measure import begin_measuring
from pipelines_app.services.errands.plan import ACT, LONGEST, end_errand, is_held
from pipelines_app.services.moves import lock_pipeline, move
from pipelines_app.services.stop import lock_switch

HELD = timedelta(seconds=5)  # between two looks at the stop switch
BEHIND = "it waits until earlier orders have got through to {place}"
HANDED_OVER = "it waits for somebody to do it and to say when"


def name_place(errand):
    """Where an order goes: what goes there is carried out in the order of approval."""
    return name_lane(errand.pipeline.action, errand.pipeline.action_params)


def wait_for_orders(errand, now):
    """Why a claimed order waits: one approved before goes to the same receiver, and has not got there.

    Names no proposal: not everybody may see it.
    """
    lane = name_place(errand)
    if not lane:
        return ""
    others = Errand.objects.filter(
        kind=ACT,
        done_at=None,
        version=F("pipeline__version"),
        pipeline__state__in=(State.APPROVED, State.EXECUTING),
        pipeline__action=errand.pipeline.action,
    )
    others = others.filter(Q(claimed_until__gt=now) | Q(pk__lt=errand.pk)).exclude(pk=errand.pk)
    others = others.select_related("pipeline").defer(*(f"pipeline__{name}" for name in HEAVY))
    return BEHIND.format(place=lane) if any(name_place(other) == lane for other in others) else ""


def carry_out(errand, now):
    """Does what the version of a claimed errand says; what came of it, in words."""
    document = begin(errand, now)
    if document is None:
        return "not done: it was taken back"
    if is_manual(document["action"]):
        return HANDED_OVER
    words = call_action(document, errand)
    finish(errand, words, max(now, timezone.now()))
    return words


def begin(errand, now):
    """The frozen version, once the proposal is ``executing``; None where it was taken back.

    Postponed while everything is stopped or its approval may be undone, Impossible where the version is
    not as it was frozen.
    """
    with transaction.atomic():
        pipeline = lock_pipeline(errand.pipeline_id)
        if not is_held(errand) or not may_go_on(pipeline, errand):
            return None
        refuse_stopped(now)
        try:
            document = read_version(pipeline)
        except Tampered as error:
            raise Impossible(str(error)) from None
        if pipeline.state == State.APPROVED:
            if now < (until := find_undo_end(pipeline)):
                raise Postponed("its approval may still be undone", until=until)
            data = {"version": pipeline.version, "key": make_order(document, errand.pipeline_id).key}
            event = "handed over" if is_manual(document["action"]) else "begun"
            move(
                pipeline,
                State.EXECUTING,
                actor=name_actor(document["action"]),
                event=event,
                data=data,
                at=now,
            )
    return document


def refuse_stopped(now):
    """Postponed while everything is stopped, by the switch or by what the audit chain says of it."""
    lock_switch()
    if stop := find_stop():
        told = f"{stop.by_name} stopped all actions: {stop.reason}"
        raise Postponed(f"{told}. {stop.remark}" if stop.remark else told, until=now + HELD)


def may_go_on(pipeline, errand):
    """Whether a locked proposal still asks for this errand."""
    return pipeline.version == errand.version and pipeline.state in (State.APPROVED, State.EXECUTING)


def name_actor(action):
    """Who carries it out, as the records name it."""
    return "the approval" if is_manual(action) else f"action {action}"


def call_action(document, errand):
    """What the action answers, as a line of text; whatever it raises, Impossible where there is none."""
    try:
        action = find_action(document["action"])
    except BadInput as error:
        raise Impossible(str(error)) from None
    return flatten(action(make_order(document, errand.pipeline_id, errand.attempts)) or "carried out")[
        :LONGEST
    ]


def finish(errand, words, now):
    """Moves the proposal to ``done``, unless another worker has taken the errand over: its end counts."""
    with transaction.atomic():
        pipeline = lock_pipeline(errand.pipeline_id)
        if may_go_on(pipeline, errand) and end_errand(errand, words, at=now):
            end(pipeline, State.DONE, errand, words, now)


def give_up(errand, reason, now):
    """Moves the proposal to ``failed``: a person tries again, or withdraws it."""
    with transaction.atomic():
        pipeline = lock_pipeline(errand.pipeline_id)
        if may_go_on(pipeline, errand) and is_held(errand):
            end(pipeline, State.FAILED, errand, reason, now)


def end(pipeline, state, errand, words, now):
    """Writes what came of it on a locked proposal, with its audit row."""
    data = {"version": pipeline.version, "attempts": errand.attempts}
    carried_out_at = now if state == State.DONE else None
    record_end(pipeline, state, words, carried_out_at, actor=name_actor(pipeline.action), data=data, at=now)


def record_end(pipeline, state, words, carried_out_at, *, actor, data, at):
    """Brings a locked proposal to ``done`` or ``failed``, with what came of it; the chain keeps both."""
    pipeline.outcome, pipeline.carried_out_at = words[:LONGEST], carried_out_at
    pipeline.save(update_fields=["outcome", "carried_out_at"])
    data |= {"outcome": pipeline.outcome}
    data |= {"carried_out_at": carried_out_at and carried_out_at.astimezone(UTC).isoformat()}
    move(pipeline, state, actor=actor, event=state.value, data=data, at=at)
    if state == State.DONE:
        begin_measuring(pipeline, at)
