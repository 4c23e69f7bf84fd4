"""Who may decide on a proposal: every door asks here, and it reads what was frozen."""

from functools import cache

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db.models import Q, prefetch_related_objects
from django.utils import timezone

from pipelines_app.core.versions import describe_columns
from pipelines_app.core.voting import APPROVE
from pipelines_app.models import Delegation
from pipelines_app.queries.records import list_faults, read_told
from pipelines_app.queries.versions import peek_version

PERMISSION = "pipelines_app.decide_pipeline"


def name_of(user):
    """A person as the records name them."""
    full = getattr(user, "get_full_name", str)()  # a model of the project's own need not have it
    return (full or user.get_username())[:150]


def list_groups(user):
    """The ids of a person's groups, read once, as Django reads permissions."""
    if not hasattr(user, "pipelines_groups"):
        user.pipelines_groups = set(user.groups.values_list("pk", flat=True))
    return user.pipelines_groups


def is_visible(pipeline, user):
    """Whether this person may see this proposal."""
    if pipeline.restricted_to_id is None or user.is_superuser:
        return True
    return pipeline.restricted_to_id in list_groups(user)


def may_decide_any(user):
    """Whether this person decides on proposals at all."""
    return user.is_active and user.has_perm(PERMISSION)


def read_terms(pipeline):
    """What the frozen version says.

    Columns are copies: whoever edits one of them gains no vote. Of a text that was changed nothing
    is known but them, and a rejection is all that is left.
    """
    return peek_version(pipeline) or describe_columns(pipeline)


def list_lent(user, now):
    """The delegations by which this person has a seat by now; ``touched`` says why one does not count."""
    acting = Delegation.objects.filter(receiver=user, starts_at__lte=now, ends_at__gt=now)
    return mark_touched(acting.select_related("giver", "receiver").order_by("pk"))


def mark_touched(rows):
    """The delegations, each with what of it is ``touched``: at odds with the audit chain, in words."""
    rows = list(rows)
    told = read_told("delegation") if rows else {}
    for row in rows:
        row.touched = "; ".join(list_faults("delegation", row, told.get(row.pk)))
    return rows


def share_lent(pipelines):
    """``list_lent`` for many proposals: it reads once for all, and their votes with it, if it is asked."""

    @cache
    def list_once(user, now):
        rows = list_lent(user, now)
        if rows:
            prefetch_related_objects(pipelines, "decisions")
        return rows

    return list_once


def why_not_decide(pipeline, user, *, now=None, lent=list_lent):
    """A sentence that says why this person may not decide on it, for nobody; empty if they may."""
    return find_seat(pipeline, user, now=now, lent=lent)[1]


def find_seat(pipeline, user, *, now=None, lent=list_lent):
    """``(holder, why not)``: the person whose seat ``user`` fills, themselves first, or None and a sentence.

    Lent seats count only where the lender may decide alone, and nobody else has filled the seat. Who
    proposed it or wrote its version fills none. ``lent`` is what lists them: for many ``share_lent``.
    """
    now = now or timezone.now()
    why_not = why_not_alone(pipeline, user, now)
    if not why_not:
        return user, ""
    if may_decide_any(user) and not why_not_author(read_terms(pipeline), user):
        touched = []
        for row in lent(user, now):
            if row.touched:
                touched.append(row.touched)
            elif not why_not_lend(pipeline, row.giver, user, now):
                return row.giver, ""
        why_not = " ".join((why_not, *map(tell_no_seat, touched)))
    return None, why_not


def tell_no_seat(touched):
    """Why a lent seat does not count."""
    return f"A delegation does not count: {touched}. Run manage.py verify_audit."


def why_not_lend(pipeline, giver, user, now):
    """Whether something keeps ``user`` from filling the giver's seat, in words."""
    if not is_visible(pipeline, giver):
        return "It is restricted to others."
    if any(vote.seat == giver.pk and vote.by_id != user.pk for vote in list_votes(pipeline)):
        return f"The seat of {name_of(giver)} is filled."
    return why_not_alone(pipeline, giver, now)


def list_votes(pipeline):
    """The votes on the present version; none on what is still being opened."""
    votes = pipeline.decisions.all() if pipeline.pk else ()
    return [vote for vote in votes if vote.version == pipeline.version]


def count_approvals(pipeline):
    """The approvals of the present version."""
    return sum(vote.vote == APPROVE for vote in list_votes(pipeline))


def why_not_alone(pipeline, user, now):
    """A sentence that says why this person may not decide by their own right; empty if they may."""
    if not may_decide_any(user):
        return "You do not have the permission to decide on proposals (decide_pipeline)."
    frozen = read_terms(pipeline)
    return why_not_author(frozen, user) or why_not_of_group(frozen, user, now)


def why_not_author(frozen, user):
    """A sentence for who proposed it or wrote its version; empty for everybody else."""
    if frozen["changed_by_id"] == user.pk:
        return "You wrote the present version of this proposal: somebody else must decide."
    if frozen["proposer_id"] == user.pk:
        if frozen["origin"]:
            return "You were the last to edit the rule that opened this proposal: somebody else must decide."
        if frozen.get("program"):
            return "You made the key that proposed this: somebody else must decide."
        return "You proposed this yourself: somebody else must decide."
    return ""


def why_not_of_group(frozen, user, now):
    """A sentence for whoever is not of the groups that decide; empty for everybody else."""
    group = frozen.get("deciders_id")
    if group is None or group in list_groups(user):
        return ""
    told = f"Only the group {frozen.get('deciders_name', group)} decides on this proposal"
    # No time is frozen yet while it is being opened.
    at = frozen.get("escalate_at")
    if at is None or frozen.get("escalation_id") not in list_groups(user):
        return f"{told}."
    return "" if at <= now else f"{told} until {at:%Y-%m-%d %H:%M} UTC; from then on yours does too."


def why_not_change(pipeline, user, *, now=None):
    """A sentence that says why this person may not change, withdraw or carry it on; empty if they may.

    Its proposer may, and whoever is of those who decide, also where they wrote it themselves.
    """
    frozen = read_terms(pipeline)
    if frozen["proposer_id"] == user.pk:
        return ""
    if may_decide_any(user):
        return why_not_of_group(frozen, user, now or timezone.now())
    return "Only its proposer and people who may decide can change, withdraw or carry on a proposal."


def is_escalated(frozen, now):
    """Whether the group that a proposal is escalated to may decide by now."""
    at = frozen.get("escalate_at")
    return frozen.get("escalation_id") is not None and at is not None and at <= now


def list_deciders(pipeline, *, now=None):
    """The people who may decide on it now, by id."""
    return [
        user
        for user in list_permitted()
        if is_visible(pipeline, user) and not why_not_decide(pipeline, user, now=now)
    ]


def count_seats(pipeline, *, now=None):
    """How many seats can be filled now: whoever lent theirs and whoever borrowed it fill one together."""
    people = [user for user in list_permitted() if is_visible(pipeline, user)]
    return len({find_seat(pipeline, user, now=now)[0] for user in people} - {None})


def list_permitted():
    """Everybody whom Django's own tables give the permission to decide."""
    permission = Permission.objects.filter(
        codename="decide_pipeline", content_type__app_label="pipelines_app"
    )
    holds = Q(user_permissions__in=permission) | Q(groups__permissions__in=permission)
    people = get_user_model()._default_manager.filter(holds | Q(is_superuser=True), is_active=True)
    return people.distinct().order_by("pk")
