"""Where the two apps meet: a breach becomes a proposal, a change of it reaches the streams.

The settings name these functions; neither app knows the other.
"""

from functools import partial

from django.contrib.auth.models import Group

from hms_gov.joins.changes import find_change
from hms_gov.joins.evidence import freeze_breach
from metrics_app import live
from metrics_app.core.aggregates import get_aggregate
from metrics_app.models import Kpi, Restriction
from metrics_app.registry import get_kpi, load_registry
from metrics_app.services.rules.repeats import sign
from pipelines_app.actions import registry
from pipelines_app.core.versions import IMPOSSIBLE
from pipelines_app.exceptions import BadInput
from pipelines_app.queries.deciding import read_terms
from pipelines_app.queries.unless import find_acting
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
        why_not = (read_terms(pipeline) or {}).get(IMPOSSIBLE)
        told = f"; its action cannot be done: {why_not}" if why_not else ""
        return f"proposed #{pipeline.pk}{told}"
    return tell_standing(pipeline)


def tell_standing(pipeline):
    """Why a repeat opens nothing."""
    name = f"proposal #{pipeline.pk}"
    if unless := find_acting(pipeline):
        return f"not proposed: {name} was rejected by {unless.by} {unless.said}"
    standing = "is still open" if pipeline.is_open else "was approved, and is not judged yet"
    return f"{name} {standing}; noted the newer value"


def open_proposal(breach, threshold, kpi):
    """``(pipeline, created)`` of the proposal that the threshold words."""
    evidence = freeze_breach(breach)
    return propose(
        title=threshold.title,
        suggestion=threshold.suggestion or f"Look into {kpi}",
        kpi=breach.value,
        topic=kpi.topic,
        unit=evidence["quantity"]["unit"],
        origin=f"breach:{breach.pk}",
        # Whoever wrote the rule must not approve what it asks for.
        proposer=threshold.edited_by,
        proposer_name=f"threshold “{sign(threshold)}”"[:150],
        severity=breach.severity,
        evidence=evidence,
        action=threshold.action,
        action_params=threshold.action_params,
        anyway=True,
    )


def list_actions():
    """What an approved proposal can carry out, ``{name: check}``; a threshold may name one."""
    return {name: make_check(name) for name in registry.list_actions()}


def make_check(name):
    """The ``check(params)`` of an action, with a ``check_for(params, threshold)``."""
    check = partial(registry.check_action, name)
    check.check_for = check
    return check


def describe_topic(topic):
    """The unit of what a KPI's tile shows, and the group it is restricted to; as this process remembers it.

    A topic that was restricted stays so once its KPI is deleted.
    """
    if (kpi := get_kpi(topic)) is not None:
        return describe_kpi(kpi)
    restricted = load_registry()[1]
    if topic not in restricted:
        return {"known": False}
    return {"restricted": True, "restricted_to": Group.objects.filter(pk=restricted[topic]).first()}


def read_topic(topic, *, hold=False):
    """As ``describe_topic``, from the rows; ``hold``: the KPI stays so until the transaction ends."""
    rows = Kpi.objects.filter(topic=topic).select_related("owner")
    if hold:
        # Nobody restricts it meanwhile; whoever waited to do so finds the new proposal.
        rows = rows.select_for_update(of=("self",), no_key=True)
    if (kpi := rows.first()) is not None:
        return describe_kpi(kpi)
    kept = Restriction.objects.filter(topic=topic).select_related("owner").first()
    return {"restricted": True, "restricted_to": kept.owner} if kept else {"known": False}


# What is about to be written goes by the rows, and not by what a process remembers.
describe_topic.read = read_topic


def describe_kpi(kpi):
    """What the pipelines may know of a KPI."""
    return {
        # Beside what a proposer says stands what the tile showed: both are one quantity.
        "unit": get_aggregate(kpi.aggregate).unit_of(kpi.unit),
        "restricted": kpi.restricted,
        "restricted_to": kpi.owner if kpi.restricted else None,
    }


def follow_restriction(instance, **kwargs):
    """A KPI was saved: its proposals, also those opened before, are for the same eyes as the KPI."""
    if instance.restricted and instance.owner is None:
        # For nobody, which no proposal can be: whoever reads one now goes on, and nobody else begins to.
        return
    restrict(topic=instance.topic, group=instance.owner if instance.restricted else None)


def tell_streams(pipeline):
    """Tells every open inbox that a proposal changed; those of its group only, where it is restricted."""
    # As its row is now, with the position of just that: a ring that comes late tells nothing older.
    if change := find_change(pipeline.pk):
        live.announce_event(**change)
