"""A KPI with an expected interval is watched for silence by a threshold of its own."""

from django.db import transaction

from metrics_app.core.deadman import LONGEST, SHORTEST, SILENCE, make_silence_rule
from metrics_app.core.text.entries import write_duration
from metrics_app.exceptions import BadInput
from metrics_app.models import Breach, Threshold
from metrics_app.services.rules.thresholds import save_threshold


def check_expectation(seconds):
    """BadInput for an interval that nobody can watch; None and whole seconds are fine."""
    if seconds is not None and not SHORTEST <= seconds <= LONGEST:
        expected = f"{write_duration(SHORTEST)} to {write_duration(LONGEST)}"
        raise BadInput(f"{seconds} s cannot be watched: expected {expected}", field="expected_interval")


def save_expectation(kpi, *, by, now=None):
    """Makes, changes or ends the watch that ``kpi.expected_interval`` asks for; its threshold or None.

    BadInput. A new one is judged at once: a KPI that is silent already says so. ``now`` in ms.
    """
    check_expectation(kpi.expected_interval)
    with transaction.atomic():
        threshold = Threshold.objects.filter(kpi=kpi, kind=SILENCE).first()
        if kpi.expected_interval is None:
            return end_watch(threshold, by, now)
        threshold = set_watch(threshold or Threshold(kpi=kpi, kind=SILENCE))
        return save_threshold(threshold, by=by, reason=tell_expectation(kpi), now=now)


def set_watch(threshold):
    """The threshold as its KPI's expected interval asks for it, unsaved."""
    threshold.enabled = True
    for name, value in make_silence_rule(threshold.kpi.expected_interval).items():
        setattr(threshold, name, value)
    return threshold


def tell_expectation(kpi):
    """Why a KPI is watched for silence."""
    return f"A point is expected every {write_duration(kpi.expected_interval)}."


def end_watch(threshold, by, now):
    """Switches the watch off, which closes what it had opened: nobody expects points any more."""
    if threshold is None or not threshold.enabled:
        return threshold
    threshold.enabled = False
    return save_threshold(threshold, by=by, reason="Points are no longer expected at an interval.", now=now)


def list_silent(topics):
    """``{topic: Breach}`` of the KPIs that are silent for longer than is expected of them."""
    rows = Breach.objects.filter(
        kind=Breach.Kind.DATA,
        recovered_at=None,
        threshold__kind=SILENCE,
        threshold__enabled=True,
        threshold__kpi__topic__in=topics,
    )
    return {breach.threshold.kpi.topic: breach for breach in rows.select_related("threshold__kpi")}
