"""Saving a threshold: a version with its author and reason, and a judgement at once."""

import logging
import time

from django.db import transaction
from django.utils import timezone

from metrics_app import queries
from metrics_app.core.edits import read_followed
from metrics_app.core.rule_files import make_key
from metrics_app.core.slots import NEVER, next_slot
from metrics_app.core.text.phrases import tell_changes
from metrics_app.exceptions import BadInput, BusUnavailable, ChangedMeanwhile
from metrics_app.models import Breach, BreachEvent, Kpi, Threshold, ThresholdState, ThresholdVersion
from metrics_app.services.rules.fields import check_reason, check_rule
from metrics_app.services.watch.announce import announce
from metrics_app.services.watch.endings import end_watch
from metrics_app.services.watch.evaluate import evaluate, evaluate_now

# Of a state row while nobody has judged its rule.
UNSEEN = {"slot_class": "", "value": None, "n": 0}
LAG = 2_000  # ms; a collector further behind than this is waited for

logger = logging.getLogger(__name__)


def save_threshold(threshold, *, by, reason="", seen=None, now=None, judge=True):
    """Saves a new or changed ``Threshold``; BadInput with every fault. ``now`` in ms.

    ``seen`` is the version that the change was made on, where that is known:
    ChangedMeanwhile if it is no longer the present one.

    A changed rule is a new version and keeps state and breach. After the commit one
    extra slot is judged, so that a limit that is already crossed fires at once;
    ``judge`` False leaves that to whoever saves many (``judge_now`` for all of them).
    """
    check_rule(threshold)
    check_reason(reason)
    now = read_clock(threshold.kpi.topic) if now is None else now
    with transaction.atomic():
        stored = Threshold.objects.select_for_update().filter(pk=threshold.pk).first()
        if stored is not None and stored.kpi_id != threshold.kpi_id:
            raise BadInput(
                f"a threshold stays with its KPI ({stored.kpi.topic}): make a new one for the other",
                field="topic",
            )
        if stored is not None:
            refuse_stale(stored, seen)
        if stored is None or is_changed(stored, threshold):
            write_change(threshold, stored, by, reason, now)
            if judge:
                transaction.on_commit(lambda: judge_now(threshold.pk), robust=True)
        else:
            # A new name is no new rule.
            threshold.save(update_fields=["name", "updated_at"])
    return threshold


def delete_threshold(threshold, *, by, now=None):
    """Takes a threshold away; one that ever had a breach is kept as evidence, switched off and out of sight.

    Its open breach ends, its key may be used again; ``now`` in ms.
    """
    now = read_clock(threshold.kpi.topic) if now is None else now
    with transaction.atomic():
        stored = Threshold.objects.select_for_update().filter(pk=threshold.pk).first()
        if stored is None or stored.retired_at is not None:
            return
        # Locked: no evaluator can open its first breach meanwhile.
        if not stored.breaches.exists():
            stored.delete()
            return
        retired = Threshold.objects.select_related("kpi").get(pk=stored.pk)
        retired.enabled, retired.retired_at = False, timezone.now()
        # Not judged by today's rules of what may be saved: nothing keeps it from going.
        write_change(retired, stored, by, "", now)


def check_seen(threshold, seen):
    """ChangedMeanwhile if version ``seen`` (None: not known) is stale; a transaction keeps the row locked."""
    with transaction.atomic():
        stored = Threshold.objects.select_for_update().filter(pk=threshold.pk).first()
        if stored is not None:
            refuse_stale(stored, seen)


def refuse_stale(stored, seen):
    """ChangedMeanwhile for a row that was deleted, or with who changed what since version ``seen``."""
    if stored.retired_at is not None:
        raise ChangedMeanwhile("deleted meanwhile: it can no longer be changed", version=stored.version)
    if seen is None or seen == stored.version:
        return
    since = stored.versions.filter(version__gt=seen).select_related("author").order_by("version")
    authors = dict.fromkeys(row.author.get_username() for row in since if row.author)
    before = stored.versions.filter(version=seen).first()
    if before is None:
        message = f"there is no version {seen}: the present one is {stored.version}"
    else:
        changes = tell_changes(before.rule, read_rule(stored), stored.kpi.unit)
        who = f" by {', '.join(authors)}" if authors else ""
        message = f"changed meanwhile{who} to version {stored.version} ({changes}): look again"
    raise ChangedMeanwhile(message, version=stored.version)


def read_clock(topic):
    """The present in ms, as far as the collector has come.

    It reads a fraction of a second behind the clock: the second that has just begun
    could not be judged before it is passed, and the answer would still say "ok".
    """
    return read_clocks([topic])[topic]


def read_clocks(topics):
    """``{topic: ms}`` of ``read_clock``, with one question for all."""
    now = int(time.time() * 1000)
    try:
        marks = queries.collected_through()
    except BusUnavailable:
        return dict.fromkeys(topics, now)
    found = {topic: marks[queries.shard_for(topic)] for topic in topics}
    return {topic: mark - 1 if now - LAG < mark <= now else now for topic, mark in found.items()}


def is_changed(stored, threshold):
    """Whether the rule differs from what is stored."""
    return any(getattr(stored, name) != getattr(threshold, name) for name in Threshold.RULE_FIELDS)


def write_change(threshold, stored, by, reason, now):
    """The row with its version, what stands on a running breach, and the next slot to judge."""
    version = save_version(threshold, stored, by, reason)
    slot = schedule(threshold, stored, now)
    if stored is None:
        return
    if not threshold.enabled and (stored.enabled or threshold.retired_at):
        cause = f"{'deleted' if threshold.retired_at else 'switched off'}{name_author(by)}"
        end_watch(threshold, cause, reason, now)
    else:
        # Behind the next slot: an evaluator that has just opened the breach by the older rule is done.
        Breach.objects.filter(threshold=threshold, recovered_at=None).update(**read_followed(threshold))
        note_edit(version, tell_changes(read_rule(stored), version.rule, threshold.kpi.unit), slot)


def name_author(by):
    """ " by ann"; "" where nobody is known."""
    return f" by {by.get_username()}" if by else ""


def save_version(threshold, stored, by, reason):
    """The row, and its immutable copy."""
    if stored is None:
        threshold.key = choose_key(threshold)
    threshold.version = stored.version + 1 if stored else 1
    threshold.edited_by = by
    threshold.save()
    version = make_version(threshold, by, reason)
    version.save(force_insert=True)
    return version


def make_version(threshold, by, reason):
    """The unsaved copy of a rule as it stands."""
    return ThresholdVersion(
        threshold=threshold, version=threshold.version, rule=read_rule(threshold), author=by, reason=reason
    )


def choose_key(threshold):
    """What files call a new threshold: its own key, or one that no other on its KPI has."""
    if threshold.key or threshold.kind != Threshold.Kind.LIMIT:
        return threshold.key
    # Of two that are made at once the second waits, and sees the key of the first.
    Kpi.objects.select_for_update().get(pk=threshold.kpi_id)
    taken = set(Threshold.objects.filter(kpi=threshold.kpi_id, retired_at=None).values_list("key", flat=True))
    return make_key(threshold.name, threshold.aggregate, threshold.window, taken)


def read_rule(threshold):
    """The rule as a version keeps it."""
    return {name: getattr(threshold, name) for name in Threshold.RULE_FIELDS}


def note_edit(version, changes, slot):
    """A line on the running breach, before what the new rule makes of it: it judges from ``slot`` (ms) on."""
    breach = Breach.objects.filter(threshold=version.threshold, recovered_at=None).first()
    if breach is None:
        return
    author = name_author(version.author)
    reason = f", “{version.reason}”" if version.reason else ""
    text = (
        f"The rule was changed{author} to version {version.version}{reason}: {changes}. "
        f"The breach fired by version {breach.version}; from here on version {version.version} judges it."
    )
    BreachEvent.objects.create(breach=breach, at=slot, kind="edited", text=text[:500])


def schedule(threshold, stored, now):
    """Asks for one extra slot at the current whole second; that slot in ms."""
    second = find_second(threshold, now)
    state = ThresholdState.objects.select_for_update().filter(threshold=threshold).first()
    # A new threshold has no past to judge, and one that slept is not judged for its sleep.
    begins = state is None or (threshold.enabled and not stored.enabled)
    last_slot = max(second - 1000, state.last_slot if state else 0) if begins else state.last_slot
    slots = plan_slots(threshold, last_slot, second)
    # What it saw before it slept says nothing of now: like a new one it was not judged yet.
    ThresholdState.objects.update_or_create(threshold=threshold, defaults=slots | (UNSEEN if begins else {}))
    return slots["extra_slot"]


def find_second(threshold, now):
    """The newest whole second (ms) that a threshold may judge."""
    return (now - threshold.delay * 1000) // 1000 * 1000


def plan_slots(threshold, last_slot, second):
    """What a state row keeps of the slots that come behind ``last_slot``, with an extra one (ms)."""
    extra = max(second, last_slot + 1000)
    due_at = find_first_due(threshold, last_slot, extra)
    return {
        "rule_version": threshold.version, "last_slot": last_slot, "extra_slot": extra, "due_at": due_at
    }  # fmt: skip


def find_first_due(threshold, last_slot, extra):
    """The mark (ms) at which the next slot, regular or extra, can be judged."""
    if not threshold.enabled:
        return NEVER
    return next_slot(threshold.interval, last_slot, extra) + threshold.delay * 1000


def judge_now(threshold_id=None):
    """Evaluates (None: all that is due) and announces without waiting for beat, which is the safety net."""
    try:
        if evaluate() if threshold_id is None else evaluate_now(threshold_id):
            announce()
    except BusUnavailable as error:
        logger.warning("What is saved will be judged once Redis is back: %s", error)
