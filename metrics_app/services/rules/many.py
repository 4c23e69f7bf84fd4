"""Many new KPIs and thresholds at once: what saving one does, with few questions for all of them."""

from django.db import transaction

from metrics_app.models import Kpi, Threshold, ThresholdState
from metrics_app.models import ThresholdVersion as Version
from metrics_app.models.kpis import take_kept
from metrics_app.registry import forget
from metrics_app.services.rules.deadman import SILENCE, check_expectation, set_watch, tell_expectation
from metrics_app.services.rules.fields import check_reason, check_rule
from metrics_app.services.rules.thresholds import find_second, make_version, plan_slots, read_clocks


def create_kpis(kpis, *, by):
    """Saves new KPIs, with a watch for silence of those that say how often a point is expected; BadInput.

    None of the watches is judged before ``judge_now``.
    """
    watched = [kpi for kpi in kpis if kpi.expected_interval is not None]
    for kpi in watched:
        check_expectation(kpi.expected_interval)
    with transaction.atomic():
        take_kept(kpis)
        Kpi.objects.bulk_create(kpis)
        create_thresholds(
            [(set_watch(Threshold(kpi=kpi, kind=SILENCE)), tell_expectation(kpi)) for kpi in watched], by=by
        )
    forget()


def create_thresholds(rows, *, by):
    """Saves ``(new threshold with its key, reason)``, each with its version and its first slot; BadInput.

    None is judged before ``judge_now``.
    """
    for threshold, reason in rows:
        check_rule(threshold)
        check_reason(reason)
    clocks = read_clocks({threshold.kpi.topic for threshold, _ in rows})
    for threshold, _ in rows:
        threshold.version, threshold.edited_by = 1, by
    with transaction.atomic():
        Threshold.objects.bulk_create([threshold for threshold, _ in rows])
        Version.objects.bulk_create([make_version(threshold, by, reason) for threshold, reason in rows])
        # A new threshold has no past to judge.
        seconds = [(row, find_second(row, clocks[row.kpi.topic])) for row, _ in rows]
        ThresholdState.objects.bulk_create(
            ThresholdState(threshold=row, **plan_slots(row, second - 1000, second)) for row, second in seconds
        )
