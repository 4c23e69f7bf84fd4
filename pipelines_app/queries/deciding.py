"""Who may decide on a proposal: every door asks here, and it reads what was frozen."""

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db.models import Q
from django.utils import timezone

from pipelines_app.core.versions import describe_columns
from pipelines_app.queries.versions import peek_version

PERMISSION = "pipelines_app.decide_pipeline"


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


def why_not_decide(pipeline, user, *, now=None):
    """A sentence that says why this person may not decide on it; empty if they may."""
    if not may_decide_any(user):
        return "You do not have the permission to decide on proposals (decide_pipeline)."
    frozen = read_terms(pipeline)
    if frozen["changed_by_id"] == user.pk:
        return "You wrote the present version of this proposal: somebody else must decide."
    if frozen["proposer_id"] == user.pk:
        if frozen["origin"]:
            return "You were the last to edit the rule that opened this proposal: somebody else must decide."
        return "You proposed this yourself: somebody else must decide."
    return why_not_of_group(frozen, user, now or timezone.now())


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
    """A sentence that says why this person may not change or withdraw it; empty if they may.

    Its proposer may, and whoever is of those who decide, also where they wrote it themselves.
    """
    frozen = read_terms(pipeline)
    if frozen["proposer_id"] == user.pk:
        return ""
    if may_decide_any(user):
        return why_not_of_group(frozen, user, now or timezone.now())
    return "Only its proposer and people who may decide can change or withdraw a proposal."


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


def list_permitted():
    """Everybody whom Django's own tables give the permission to decide."""
    permission = Permission.objects.filter(
        codename="decide_pipeline", content_type__app_label="pipelines_app"
    )
    holds = Q(user_permissions__in=permission) | Q(groups__permissions__in=permission)
    people = get_user_model()._default_manager.filter(holds | Q(is_superuser=True), is_active=True)
    return people.distinct().order_by("pk")
