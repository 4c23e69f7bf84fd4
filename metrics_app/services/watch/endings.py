"""Breaches that end because somebody changed the rule: switched off, taken away, or a limit that moved."""

from django.db import transaction

from metrics_app import live
from metrics_app.core import watch
from metrics_app.core.endings import tell_cause, tell_data_cause
from metrics_app.models import Breach, BreachEvent, ThresholdState, ThresholdVersion
from metrics_app.services.notices import write_notices
from metrics_app.streams.states import UNJUDGED

# What a threshold still knows once nobody watches it: where it stood, and when it was last beyond its limit.
KEPT = {"last_slot", "since", "slot_class", "value", "n", "missed", "recovered_at"}
CALM = {name: value for name, value in watch.State._field_defaults.items() if name not in KEPT}


def end_watch(threshold, cause, reason, at):
    """Closes what is open, with the state back at ok, in the transaction that ends the watch; ``at`` in ms.

    ``cause`` is "switched off by ann". What was proposed stays proposed.
    """
    rows = ThresholdState.objects.filter(threshold=threshold)
    before = rows.values_list("last_slot", flat=True).first()
    rows.update(**CALM, since=at)
    for breach in Breach.objects.select_for_update().filter(threshold=threshold, recovered_at=None):
        close(breach, threshold, cause, reason, max(at, breach.fired_at))
    if before is not None:
        transaction.on_commit(lambda: announce_end(threshold, at, before), robust=True)


def close(breach, threshold, cause, reason, at):
    """One breach, its last line, and the notices of that."""
    is_limit = breach.kind == Breach.Kind.LIMIT
    if is_limit:
        # The cool-down counts from here.
        ThresholdState.objects.filter(threshold=threshold).update(recovered_at=at)
    breach.threshold, breach.recovered_at = threshold, at
    breach.save(update_fields=["recovered_at"])
    kind = watch.RECOVERED if is_limit else watch.DATA_CLOSED
    text = f"Ended: {cause}{f', “{reason}”' if reason else ''}."
    line = BreachEvent(breach=breach, at=at, kind=kind, text=text[:500])
    line.cause = cause
    line.save()
    write_notices([(line, None)])


def announce_end(threshold, at, slot):
    """Tells the streams that the light is out, also a green one; ``slot`` is the last that was judged."""
    topic = threshold.kpi.topic
    event = {"type": "state", "topic": topic, "threshold": threshold.pk, "state": watch.OK}
    event |= {"value": None, "since": at, "judged_at": slot, UNJUDGED: max(at, slot)}
    live.announce_states([(event, topic, slot, CALM["data"], CALM["data_breach"])])


def find_causes(outcomes, breaches, units):
    """``{breach id: cause}`` of endings that the rule which opened the breach would not have seen.

    ``breaches``: ``{threshold id: rows}`` that are open; ``units``: ``{threshold id: unit}``.
    No read where every breach ends by the version that opened it, and two for all others.
    """
    pairs = [
        (outcome, breach)
        for outcome in outcomes
        for breach in breaches.get(outcome.due.id, ())
        if breach.version != outcome.due.known.version and find_end(outcome, breach.kind) is not None
    ]
    if not pairs:
        return {}
    ids = [outcome.due.id for outcome, _ in pairs]
    stored = ThresholdVersion.objects.filter(threshold__in=ids).values_list("threshold", "version", "rule")
    rules = {(pk, version): rule for pk, version, rule in stored}
    extra = dict(ThresholdState.objects.filter(pk__in=ids).values_list("pk", "extra_slot"))
    causes = {}
    for outcome, breach in pairs:
        pk = outcome.due.id
        versions = [rules.get((pk, version)) for version in (breach.version, outcome.due.known.version)]
        if all(versions):
            causes[breach.pk] = explain_end(outcome, breach.kind, *versions, extra.get(pk), units[pk])
    return causes


def find_end(outcome, kind):
    """The state at the first slot that ended a breach of a kind; None where none did."""
    event = watch.RECOVERED if kind == Breach.Kind.LIMIT else watch.DATA_CLOSED
    pairs = zip(outcome.states, outcome.transitions, strict=True)
    return next((state for state, move in pairs if event in move.events), None)


def explain_end(outcome, kind, before, after, extra, unit):
    """Why its first end came, in words; "" where the rule that opened it would have seen it as well."""
    state, tell = find_end(outcome, kind), tell_cause if kind == Breach.Kind.LIMIT else tell_data_cause
    seen = watch.Observation(state.value, state.n)
    return tell(before, after, seen, unit, at_once=state.last_slot == extra)
