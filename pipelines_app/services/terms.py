"""The terms of a proposal: who decides, how many, until when, as its policy says when it is opened."""

from datetime import UTC, timedelta

from pipelines_app import conf
from pipelines_app.core.versions import TERM_TIMES, TERMS
from pipelines_app.queries.policies import find_policy

REMIND, ESCALATE = 0.5, 0.8  # of the time to decide


def set_terms(row):
    """Writes quorum, groups and deadline on a new proposal; seconds to decide."""
    policy = find_policy(row.topic, row.severity)
    within = policy.decide_within if policy else conf.decide_within(row.severity)
    row.quorum = policy.quorum if policy else conf.get("QUORUM")
    row.deciders = policy.deciders if policy else None
    row.escalation = policy.escalation if policy else None
    row.due_at = row.created_at + timedelta(seconds=within)
    row.policy = policy
    return within


def describe_terms(row, *, eligible):
    """What the text of a new proposal's first version says beyond its columns.

    ``eligible`` is how many people may decide on it when it is opened.
    """
    return {
        "policy": row.policy and {"id": row.policy.pk, "name": row.policy.name},
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
