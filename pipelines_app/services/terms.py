"""The terms of a proposal: who decides, how many, until when, as its policy says when it is opened."""

from datetime import UTC, timedelta

from django.contrib.auth.models import Group

from pipelines_app import conf
from pipelines_app.core.versions import TERM_TIMES, TERMS
from pipelines_app.queries.policies import find_policy

REMIND, ESCALATE = 0.5, 0.8  # of the time to decide


def set_terms(row):
    """Writes quorum, groups and deadline on a new proposal; seconds to decide.

    Where nobody can say which policy it comes under it is opened all the same, for nobody to approve.
    """
    row.found = find_policy(row.topic, row.severity)
    policy = row.found.policy
    within = policy.decide_within if policy else conf.decide_within(row.severity)
    row.quorum = policy.quorum if policy else conf.get("QUORUM")
    row.deciders, row.escalation = find_groups(policy)
    row.due_at = row.created_at + timedelta(seconds=within)
    return within


def find_groups(policy):
    """``(deciders, escalation)`` of a policy; None for none, and for one that is gone (a doubt by then)."""
    ids = (policy.deciders_id, policy.escalation_id) if policy else (None, None)
    groups = Group.objects.in_bulk([pk for pk in ids if pk is not None])
    return tuple(groups.get(pk) for pk in ids)


def describe_terms(row, *, eligible):
    """What the text of a new proposal's first version says beyond its columns.

    ``eligible`` is how many people may decide on it when it is opened.
    """
    policy = row.found.policy
    return {
        "policy": policy and {"id": policy.pk, "name": policy.name},
        "policy_remark": row.found.remark,
        "policy_doubt": row.found.doubt,
        "deciders_name": row.deciders and row.deciders.name,
        "escalation_name": row.escalation and row.escalation.name,
        "eligible": eligible,
    } | describe_times(row.created_at, row.due_at)


def describe_times(start, end):
    """When people are reminded and when it is escalated, of what waits from ``start`` to ``end``."""
    shares = {"remind_at": REMIND, "escalate_at": ESCALATE}
    return {
        name: (start + share * (end - start)).astimezone(UTC).isoformat() for name, share in shares.items()
    }


def find_wait(pipeline):
    """Seconds to decide, as they were frozen when the proposal was opened."""
    policy = pipeline.evidence.get("policy")
    within = policy.get("decide_within") if isinstance(policy, dict) else None
    return within if type(within) is int and within > 0 else conf.decide_within(pipeline.severity)


def keep_terms(document):
    """The terms of a version for the one that takes its place."""
    kept = {name: document[name] for name in TERMS if name in document}
    return kept | {name: kept[name].isoformat() for name in TERM_TIMES if kept.get(name)}
