"""Figures of the process itself, handed once to whatever function the project names: ``EMIT``.

Each is an errand of the transaction that it tells of, so a worker that dies or a bus that is away
costs time and no figure; and it goes out under a key that does not change, so that a repeat is one.
"""

from datetime import timedelta

from django.utils import timezone

from pipelines_app import conf
from pipelines_app.core import figures
from pipelines_app.core.durations import MINUTE_MS
from pipelines_app.core.effect import find_gain
from pipelines_app.core.moments import to_ms
from pipelines_app.core.states import OPEN, VERDICTS, State
from pipelines_app.core.track_records import TOGETHER, TOUCHED
from pipelines_app.models import Pipeline
from pipelines_app.queries import describe_topic, find_effect
from pipelines_app.queries.track_records import read_cases
from pipelines_app.services.errands.plan import FIGURE, plan_errand

WITHOUT = {TOGETHER: "another action fell into its span", TOUCHED: "it is not as it was judged"}
HIDDEN = "it is restricted to a group, and this figure is not"
HOUR = timedelta(hours=1)


def plan_figures(pipeline, to, at):
    """Plans what is told of a locked proposal's move; what may still be undone is told after that."""
    if not conf.get("EMIT"):
        return
    if to in figures.ENDS:
        wait = timedelta(seconds=conf.get("EXECUTE_AFTER")) if to == State.APPROVED else timedelta()
        plan_errand(pipeline, FIGURE, due_at=at + wait, recipient=figures.DECISION)
    if to in VERDICTS:
        plan_errand(pipeline, FIGURE, due_at=at, recipient=figures.EFFECT)


def emit_figure(errand, now):
    """Emits the figure that a claimed errand is for; what came of it, in words. Whatever ``EMIT`` raises."""
    emit, topic = conf.load("EMIT"), errand.recipient
    if emit is None:
        return "not emitted: EMIT names nothing any more"
    found, reason = FOUND[topic](errand)
    if found is None:
        return f"not emitted: {reason}"
    value, at = found
    emit(topic, value, at=to_ms(at), key=f"{topic}:{errand.pipeline_id}:{errand.version}")
    return f"emitted {value:.6g}"


def find_decision(errand):
    """``((hours from opened to decided, when), "")``, or None and why."""
    entries = errand.pipeline.moves.order_by("seq")
    told = ((entry.at, entry.event, entry.data) for entry in entries)
    span = figures.find_waiting(told, errand.version)
    if span is None:
        return None, "the decision was taken back"
    since, until = span
    return ((until - since) / HOUR, until), ""


def find_change(errand):
    """``((per cent to the better, when), "")``, or None and why."""
    if is_told_to_others(errand.pipeline):
        return None, HIDDEN
    [(_, case)] = read_cases(Pipeline.objects.filter(pk=errand.pipeline_id))
    if case.kind in (TOGETHER, TOUCHED):
        return None, WITHOUT[case.kind]
    gain = find_gain(case.effect.percent, case.measure["better"]) if case.effect else None
    if gain is None:
        return None, "it has no change in per cent"
    return (gain, find_effect(errand.pipeline).judged_at), ""


def is_told_to_others(pipeline):
    """Whether people would read in the figure how a KPI changed of which a group alone may know."""
    group = describe_topic(figures.EFFECT)["restricted_to"]
    return pipeline.restricted_to_id not in (None, group and group.pk)


FOUND = {figures.DECISION: find_decision, figures.EFFECT: find_change}


def emit_open(*, now=None):
    """Emits how many proposals wait, once a minute however often it is called; that number."""
    now = now or timezone.now()
    count = Pipeline.objects.filter(state__in=OPEN).count()
    if emit := conf.load("EMIT"):
        at = to_ms(now)
        emit(figures.OPEN, float(count), at=at, key=f"{figures.OPEN}:{at // MINUTE_MS}")
    return count
