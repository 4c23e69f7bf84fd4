"""What the pipelines may know of how KPIs are watched today."""

from collections import defaultdict

from hms_gov.joins.quantities import RULE
from metrics_app.core.moments import to_ms
from metrics_app.models import Threshold
from metrics_app.registry import get_kpi
from metrics_app.services.conditions import judge_threshold
from metrics_app.services.silences import list_acting
from metrics_app.services.watch.states import read_clock, tell_silence


def describe_watches(topics):
    """``{topic: …}`` of those with a KPI: name, aggregate, window (seconds), since when (ms), enabled rules.

    A rule's ``silenced`` says until when, by whom and why, in the reader's zone; "" where nothing does.
    Its ``unjudged_since`` (ms) is None where somebody judges it.
    """
    kpis = {topic: kpi for topic in topics if (kpi := get_kpi(topic)) is not None}
    if not kpis:
        return {}
    rules, acting, clock = defaultdict(list), list_acting(), read_clock()
    rows = Threshold.objects.filter(kpi__topic__in=kpis, enabled=True, kind=Threshold.Kind.LIMIT)
    for rule in rows.select_related("kpi", "state_row").order_by("pk"):
        rules[rule.kpi.topic].append(describe_rule(rule, acting, clock))
    return {topic: describe_kpi(kpi) | {"rules": rules[topic]} for topic, kpi in kpis.items()}


def describe_rule(rule, acting, clock):
    """A threshold as the pipelines compare it, what silences it, and since when nobody judges it."""
    since = judge_threshold(rule, clock).unjudged_since
    told = {"silenced": tell_silence(rule, acting), "unjudged_since": since}
    return {name: getattr(rule, name) for name in ("id", *RULE)} | told


def describe_kpi(kpi):
    """Its name and what its tile shows."""
    facts = {"name": str(kpi), "aggregate": kpi.aggregate, "window": kpi.window}
    return facts | {"watched_since": to_ms(kpi.created_at)}
