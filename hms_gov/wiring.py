"""Where the two apps meet: a breach becomes a proposal, a change of it reaches the streams.

The settings name these functions; neither app knows the other.
"""

from hms_gov.evidence import freeze_breach
from metrics_app import live, queries
from metrics_app.registry import get_kpi
from pipelines_app import conf as pipelines_conf
from pipelines_app.services import propose


def propose_for_breach(breach):
    """Opens the proposal that the breached threshold suggests; what came of it, in words."""
    threshold, kpi = breach.threshold, breach.threshold.kpi
    if not threshold.title:
        return "not proposed: the threshold has no title"
    if kpi.restricted and kpi.owner is None:
        return "not proposed: the KPI is restricted, but no group owns it"
    pipeline, created = propose(
        title=threshold.title,
        suggestion=threshold.suggestion or f"Look into {kpi}",
        kpi=breach.value,
        topic=kpi.topic,
        unit=kpi.unit,
        origin=f"breach:{breach.pk}",
        # Whoever wrote the rule must not approve what it asks for.
        proposer=threshold.edited_by,
        proposer_name=f"threshold “{threshold}”"[:150],
        severity=breach.severity,
        evidence=freeze_breach(breach),
        restricted_to=kpi.owner if kpi.restricted else None,
        action=threshold.action,
        action_params=threshold.action_params,
    )
    if created:
        return f"proposed #{pipeline.pk}"
    return f"proposal #{pipeline.pk} is still open; noted the newer value"


def list_actions():
    """Names of what an approved proposal can carry out; a threshold may name one of them."""
    return list(pipelines_conf.get("ACTIONS"))


def measure_kpi(topic, start_ms, end_ms, step_ms):
    """The columns of a KPI over a span, with a ``summary`` of it: ``count``, ``mean``, ``min``, ``max``."""
    columns = queries.series(topic, start_ms, end_ms, step_ms)
    names = ("ts", "count", "mean", "min", "max")
    return {name: list(columns[name]) for name in names} | {"summary": summarise(columns)}


def summarise(columns):
    """One row for all buckets of a series that hold points; without any, ``mean`` and the others are None."""
    rows = [
        row
        for row in zip(*(columns[name] for name in ("count", "mean", "min", "max")), strict=True)
        if row[0]
    ]
    count = sum(row[0] for row in rows)
    if not count:
        return {"count": 0, "mean": None, "min": None, "max": None}
    return {
        "count": count,
        "mean": sum(n * mean for n, mean, _, _ in rows) / count,
        "min": min(row[2] for row in rows),
        "max": max(row[3] for row in rows),
    }


def describe_topic(topic):
    """What the pipelines may know of a KPI: its unit, and the group it is restricted to."""
    kpi = get_kpi(topic)
    if kpi is None:
        return {}
    return {
        "unit": kpi.unit,
        "restricted": kpi.restricted,
        "restricted_to": kpi.owner if kpi.restricted else None,
    }


def tell_streams(pipeline):
    """Tells every open inbox that a proposal changed; those of its group only, where it is restricted."""
    event = {"type": "pipeline", "id": pipeline.pk, "state": pipeline.state, "title": pipeline.title}
    live.announce_event(event, permission=None, group=pipeline.restricted_to_id)
