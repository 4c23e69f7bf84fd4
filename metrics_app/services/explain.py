"""Why a threshold did or did not fire at a slot: from the record of it, else recomputed."""

import time
from types import SimpleNamespace
from typing import NamedTuple

from metrics_app import queries
from metrics_app.core.aggregates import needs_whole
from metrics_app.core.classes import THIN
from metrics_app.core.deadman import is_silence_rule
from metrics_app.core.moments import to_ms
from metrics_app.core.records import Record, unpack_records
from metrics_app.core.text.comparisons import Held
from metrics_app.core.text.counts import count_words
from metrics_app.core.text.explanations import explain_slot
from metrics_app.core.text.losses import tell_lost
from metrics_app.core.text.phrases import tell_rule
from metrics_app.core.watch import Observation, Rule, State, step
from metrics_app.exceptions import BadInput
from metrics_app.models import Breach, EvaluationRecord, Threshold, ThresholdState, ThresholdVersion
from metrics_app.services.forecasts import tell_forecast
from metrics_app.services.moments import write_moment
from metrics_app.services.watch.states import find_laggard, read_states

WALKED = 120  # slots before one that is recomputed, so that its timers are known
ROWS = 200  # records looked through for one threshold


class Explanation(NamedTuple):
    """One slot of one threshold; times in ms, ``before`` None where it is not known.

    ``off`` says that the threshold was switched off since, where it was.
    ``source`` is ``record``, or ``minutes`` where it was recomputed. ``revised``: points
    arrived after it was judged; ``now`` is what the window holds today.
    """

    slot: int
    rule: SimpleNamespace
    seen: Record
    before: str | None
    source: str
    revised: bool
    now: Observation | None
    breach: Breach | None
    notes: list
    off: str = ""


def explain(threshold, at, *, now=None):
    """The Explanation of the newest slot up to ``at`` (ms); BadInput where none can have been judged."""
    now = time.time_ns() // 1_000_000 if now is None else now
    if at > now:
        raise BadInput(f"{at} is in the future: nothing is judged yet", field="at")
    if at < to_ms(threshold.created_at) - 1000:
        made = f"{threshold.created_at:%Y-%m-%d %H:%M} UTC"
        raise BadInput(f"{at} is before the threshold was made ({made})", field="at")
    state = ThresholdState.objects.filter(threshold=threshold).first()
    # What is asked for may not have been judged yet: then the newest slot is explained.
    newest = min(at, state.last_slot) if state and state.last_slot else at
    found = explain_up_to(threshold, newest, at, now)
    off = tell_off(threshold, state, newest, at)
    # Of one that was never judged there is no slot judged last: its notes say what is told instead.
    last = " What follows is of the slot judged last." if off and found.source == "record" else ""
    return found._replace(off=f"{off}{last}")


def explain_up_to(threshold, newest, at, now):
    """The Explanation of the newest slot up to ``newest`` (ms), where one asked for ``at``."""
    found = find_record(threshold, newest)
    if found is None:
        recomputed = recompute(threshold, newest)
        behind = explain_standstill(threshold, at, now) if newest < at else ""
        lost = tell_losses(threshold, recomputed.rule, recomputed.slot)
        return recomputed._replace(notes=[*recomputed.notes, *filter(None, [behind]), *lost])
    slot, seen = found
    rule = find_rule(threshold, seen.version)
    earlier = find_record(threshold, slot - 1)
    today = observe(threshold, rule, slot)
    revised = today is not None and seen.n >= 0 and today.n > seen.n
    before = earlier[1].state if earlier else None
    notes = []
    # Of one that is switched off that is told in words of its own.
    if gap := threshold.enabled and explain_gap(threshold, rule, slot, at, now):
        notes.append(gap)
    if revised:
        late = today.n - seen.n
        notes.append(f"Revised: {count_words(late, 'point')} arrived after it was judged.")
    notes += tell_losses(threshold, rule, slot)
    breach = find_breach(threshold, slot)
    return Explanation(slot, rule, seen, before, "record", revised, today, breach, notes)


def tell_off(threshold, state, slot, at):
    """That it was switched off by ``at`` (ms), which is why ``slot`` is the last; "" where it is on."""
    since = state.since if state else None
    if threshold.enabled or (since or 0) > at:
        return ""
    moment = f" since {write_moment(since)}" if since else ""
    breach = find_breach(threshold, slot)
    ended = breach and since and breach.recovered_at and breach.recovered_at >= since
    what = f", which ended breach #{breach.pk}" if ended else ""
    return f"It is switched off{moment}: nobody judges it{what}."


def tell_losses(threshold, rule, slot):
    """A sentence for each span of the window of a slot whose points are known to be lost."""
    lost = queries.list_losses(threshold.kpi.topic, slot - rule.window * 1000, slot)
    return [f"Its window reaches over a loss: {tell_lost(one.points)}." for one in lost if one.points != 0]


def explain_gap(threshold, rule, slot, at, now):
    """Why ``slot`` is older than what was asked for: something is behind, or it was missed; or ""."""
    # A slot is judged a moment after it is over: to whoever asks for now that is no gap.
    is_gap = at - slot > max(rule.interval * 1000, queries.clock.BEHIND_AFTER)
    # The page asks for now, and an interval may be long: then the last slot is no answer if nobody judges.
    behind = explain_standstill(threshold, at, now) if is_gap or now - at < queries.clock.BEHIND_AFTER else ""
    return behind or ("It was not judged between this slot and the time you asked for." if is_gap else "")


def explain_standstill(threshold, at, now):
    """Who does not judge, or count, and since when before ``at``; "" where all is well."""
    view = read_states([threshold], now=now)[threshold.pk]
    if view.data != "behind" or at <= (view.data_since or 0):
        return ""
    since = f" since {write_moment(view.data_since)}" if view.data_since else ""
    return f"Nothing newer is judged: the {find_laggard(threshold, view)} is behind{since}."


def find_record(threshold, at):
    """``(slot, Record)`` of the newest judgement up to ``at``, or None."""
    intervals = {0, threshold.interval}
    intervals |= {rule.get("interval") for rule in threshold.versions.values_list("rule", flat=True)}
    rows = EvaluationRecord.objects.filter(slot__lte=at, interval__in=intervals - {None})
    # Twice the interval: rows of others are not searched without end.
    rows = rows.filter(slot__gte=at - max(intervals - {None}) * 2000)
    for slot, packed in rows.order_by("-slot").values_list("slot", "packed")[:ROWS].iterator(chunk_size=10):
        for record in unpack_records(packed):
            if record.threshold == threshold.pk:
                return slot, record
    return None


def find_rule(threshold, version):
    """The rule as it stood in a version, with the fields of a threshold."""
    stored = ThresholdVersion.objects.filter(threshold=threshold, version=version).first()
    fields = {name: getattr(threshold, name) for name in threshold.RULE_FIELDS}
    if stored:
        # What is newer than a version was then as it is at first, whatever it has become since.
        fields = {name: Threshold._meta.get_field(name).get_default() for name in fields} | stored.rule
    return SimpleNamespace(**fields, version=version, kind=threshold.kind)


def find_version(threshold, at):
    """The number of the version in force at a moment."""
    versions = threshold.versions.order_by("version")
    made = [v.version for v in versions if to_ms(v.created_at) <= at]
    return made[-1] if made else threshold.version


def observe(threshold, rule, slot):
    """What the window of a slot holds today."""
    return queries.observe([queries.ask(threshold.kpi.topic, rule, slot)])[0]


def recompute(threshold, at):
    """The Explanation of a slot that left no record, from the minutes that are kept."""
    rule = find_rule(threshold, find_version(threshold, at))
    interval = rule.interval * 1000
    slot = at // interval * interval
    slots = range(slot - WALKED * interval, slot + 1, interval)
    asks = [queries.ask(threshold.kpi.topic, rule, one) for one in slots]
    pure, state, transition = Rule(*(getattr(rule, name) for name in Rule._fields)), State(), None
    partial = queries.find_partial(queries.Asked.of(asks)).tolist()
    for one, seen, is_partial in zip(slots, queries.observe(asks), partial, strict=True):
        state, transition = step(state, pure, Observation(*seen, is_partial), one)
    seen = Record(threshold.pk, rule.version, state.slot_class, state.value, state.n, state.state)
    notes = [
        "No record of this slot is left, or it was missed: this is recomputed from the minutes that are "
        f"kept, as if the watch had begun {WALKED} slots before."
    ]
    breach = find_breach(threshold, slot)
    return Explanation(slot, rule, seen, transition.before, "minutes", False, None, breach, notes)


def find_breach(threshold, slot):
    """The breach that was open at a slot, or closed by it; None."""
    rows = Breach.objects.filter(threshold=threshold, fired_at__lte=slot).order_by("-fired_at", "-pk")
    found = rows.first()
    return found if found and (found.recovered_at is None or found.recovered_at >= slot) else None


def measure_missing(found):
    """For how many seconds points had been missing at a slot with an open data breach; else None."""
    breach = found.breach
    if breach is None or breach.kind != Breach.Kind.DATA or breach.recovered_at == found.slot:
        return None
    return (found.slot - breach.since) / 1000


def find_held(threshold, found):
    """What is known today of both halves of what a slot compared, its span in words; None for nothing."""
    topic, seen = threshold.kpi.topic, found.seen
    held = queries.find_held(topic, found.rule, found.slot)
    if seen.slot_class == THIN and needs_whole(found.rule.aggregate):
        births = queries.read_births([topic])
        start = found.slot - found.rule.window * 1000 if held is None else held.start
        born = births[topic] if births.get(topic, 0) > start else None
        held = (held or Held(seen.n))._replace(born=write_moment(born) if born else "")
    if held is None or held.start is None:
        return held
    return held._replace(span=f"{write_moment(held.start)} to {write_moment(held.end)}")


def describe_before(held):
    """The window that a change was held against, as it is known today; None where there is none."""
    if held is None or held.start is None:
        return None
    return {"start": held.start, "end": held.end, "value": held.before, "n": held.before_n}


def describe(found, threshold):
    """The Explanation for programs; times in ms."""
    unit, seen = threshold.kpi.unit, found.seen
    held = find_held(threshold, found)
    sentence = explain_slot(found.rule, unit, seen, found.before, seen.state, measure_missing(found), held)
    forecast = (
        "" if is_silence_rule(threshold) else tell_forecast(threshold.kpi.topic, unit, found.rule, found.slot)
    )
    return {
        "threshold": threshold.pk,
        "topic": threshold.kpi.topic,
        "slot": found.slot,
        "window_start": found.slot - found.rule.window * 1000,
        "rule": tell_rule(found.rule, unit),
        "version": found.rule.version,
        "value": seen.value,
        "n": max(seen.n, 0),
        "window": found.rule.window,
        "class": seen.slot_class,
        "before": found.before,
        "after": seen.state,
        "reason": " ".join(
            [*filter(None, [found.off]), sentence, *found.notes, *([f"{forecast}."] if forecast else [])]
        ),
        "source": found.source,
        "compared_with": describe_before(held),
        "revised": found.revised,
        "value_now": found.now.value if found.revised else None,
        "n_now": found.now.n if found.revised else None,
        "breach": found.breach.pk if found.breach else None,
        "data_breach": measure_missing(found) is not None,
        "breach_version": found.breach.version if found.breach else None,
        "outcome": found.breach.outcome if found.breach else "",
    }
