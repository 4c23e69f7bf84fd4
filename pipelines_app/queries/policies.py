"""Which policy a new proposal comes under: as the audit chain tells of policies, whatever the table says."""

from dataclasses import dataclass

from django.contrib.auth.models import Group

from pipelines_app.core.topics import is_listed
from pipelines_app.models import Policy
from pipelines_app.queries.records import list_faults, read_told

COLUMNS = {field.attname for field in Policy._meta.concrete_fields}


@dataclass(frozen=True)
class Found:
    """The first ``policy`` by rank that fits (None: the settings say it).

    ``remark`` tells of rows at odds with the chain, which gain nothing by it; ``doubt`` why nobody can
    say whether it is the one: nothing may be approved under it.
    """

    policy: Policy | None = None
    remark: str = ""
    doubt: str = ""


def find_policy(topic, severity):
    """The Found of a proposal; a policy that was edited, deleted or forged in the database gains nothing."""
    found = read_policies(topic, severity)
    # What was saved while it was read looks like a forgery, once.
    return read_policies(topic, severity) if found.remark or found.doubt else found


def read_policies(topic, severity):
    """One reading of the chain and of the table."""
    told, rows = read_told("policy"), {row.pk: row for row in Policy.objects.order_by("pk")}
    policies = {pk: make_policy(fields) for pk, fields in told.items() if fields is not None}
    fitting = [policy for policy in policies.values() if fits(policy, topic, severity)]
    policy = min(fitting, key=lambda one: (one.rank, one.pk), default=None)
    concerned = {pk for pk, one in [*policies.items(), *rows.items()] if fits(one, topic, severity)}
    doubts = [
        f"policy “{rows[pk]}” is not in the audit chain, or what told of it was changed"
        for pk in sorted(concerned - told.keys())
    ]
    doubts += tell_missing_groups(policy) if policy else []
    remarks = [tell_remark(rows.get(pk), told[pk]) for pk in sorted(concerned & told.keys())]
    return Found(policy, "; ".join(filter(None, remarks)), "; ".join(doubts))


def tell_remark(row, fields):
    """How a row (or None) is at odds with the fields that the chain tells of (or None); else empty."""
    if row is None:
        return f"policy “{fields.get('name')}” is gone"
    if fields is None:
        return f"policy “{row}” was deleted, and is there again"
    return "; ".join(list_faults("policy", row, fields))


def make_policy(fields):
    """The policy that the chain tells of; nothing is stored."""
    return Policy(**{name: value for name, value in fields.items() if name in COLUMNS})


def fits(policy, topic, severity):
    """Whether a proposal comes under a policy."""
    return policy.severity in ("", severity) and is_listed(topic, [policy.topics])


def tell_missing_groups(policy):
    """A sentence for each group of a policy that no longer exists."""
    wanted = {policy.deciders_id, policy.escalation_id} - {None}
    missing = wanted - set(Group.objects.filter(pk__in=wanted).values_list("pk", flat=True))
    return [f"group #{pk} of policy “{policy}” is gone" for pk in sorted(missing)]
