"""Where the two apps meet: a breach becomes a proposal, a change of it reaches the streams.

The settings name these functions; neither app knows the other.
"""

from hms_gov.joins.evidence import COLUMNS, freeze_breach
from metrics_app import live, queries
from metrics_app.core.aggregates import compute, list_names
from metrics_app.core.buckets import MINUTE
from metrics_app.core.spans import ceil
from metrics_app.registry import get_kpi
from pipelines_app import conf as pipelines_conf
from pipelines_app.exceptions import BadInput
from pipelines_app.services import propose, restrict


def propose_for_breach(breach):
    """Opens the proposal that the breached threshold suggests; what came of it, in words."""
    threshold, kpi = breach.threshold, breach.threshold.kpi
    if not threshold.title:
        return "not proposed: the threshold has no title"
    if kpi.restricted and kpi.owner is None:
        return "not proposed: the KPI is restricted, but no group owns it"
    try:
        pipeline, created = open_proposal(breach, threshold, kpi)
    except BadInput as error:
        # Trying again would not mend it; the timeline tells whoever wrote the rule.
        return f"not proposed: {error}"
    if created:
        return f"proposed #{pipeline.pk}"
    return f"proposal #{pipeline.pk} is still open; noted the newer value"


def open_proposal(breach, threshold, kpi):
    """``(pipeline, created)`` of the proposal that the threshold words."""
    return propose(
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


def list_actions():
    """Names of what an approved proposal can carry out; a threshold may name one of them."""
    return list(pipelines_conf.get("ACTIONS"))


def measure_kpi(topic, start_ms, end_ms, step_ms):
    """The columns of a KPI, whole steps around the span (of kept hours if need be), and its ``summary``.

    The summary has every aggregate by its name; None where the span holds no point.
    """
    # Of a proposal that is older than its minutes, whole hours or days.
    grain = queries.find_grain(topic, start_ms - step_ms)
    step = step_ms if grain == MINUTE else ceil(step_ms, grain)
    columns = queries.series(topic, start_ms, end_ms, step)
    whole = queries.span(topic, start_ms, end_ms, percentiles=True)
    window = (end_ms - start_ms) / 1000
    summary = {name: compute(name, whole, window) for name in list_names("on_tiles")}
    return {name: columns[name] for name in COLUMNS} | {"summary": summary}


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


def follow_restriction(instance, **kwargs):
    """A KPI was saved: its proposals, also those opened before, are for the same eyes as the KPI."""
    restrict(topic=instance.topic, group=instance.owner if instance.restricted else None)


def tell_streams(pipeline):
    """Tells every open inbox that a proposal changed; those of its group only, where it is restricted."""
    event = {"type": "pipeline", "id": pipeline.pk, "state": pipeline.state, "title": pipeline.title}
    live.announce_event(event, permission=None, group=pipeline.restricted_to_id)
