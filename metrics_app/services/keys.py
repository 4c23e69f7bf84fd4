"""Making and revoking API keys."""

import secrets

from django.utils import timezone
from django.utils.module_loading import import_string

from metrics_app import conf
from metrics_app.core.origins import check_origin
from metrics_app.core.points import check_pattern
from metrics_app.exceptions import BadInput
from metrics_app.keyring import forget, forget_key, hash_key
from metrics_app.models import ApiKey

PREFIX = "hms_"
NAMES_ACTIONS = "metrics_app.add_threshold"  # rules name actions, and people write rules


def create_key(*, name, scopes, topics=(), group=None, by=None, origins=(), actions=(), **limits):
    """A new key: ``(ApiKey, raw)``. The raw key exists only in this answer.

    ``limits`` are those of a partner: ``max_rate``, ``connections``, ``requests_per_minute``.
    BadInput for unknown scopes or actions, a partner key with other scopes, actions of a key
    that does not propose, a bad topic or origin, and for what ``by`` may not do themselves
    (None: whoever sits at the shell).
    """
    scopes, topics = check_scopes(scopes), [check_pattern(topic) for topic in topics]
    actions = check_actions(actions, scopes)
    check_rights(by, scopes=scopes, actions=actions, group=group)
    raw = PREFIX + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        name=name,
        prefix=raw[:8],
        hash=hash_key(raw),
        scopes=scopes,
        topics=topics,
        actions=actions,
        group=group,
        created_by=by,
        origins=[check_origin(origin) for origin in origins],
        **limits,
    )
    return key, raw


def check_scopes(scopes):
    """The scopes as a sorted list, or BadInput."""
    scopes = sorted(set(scopes))
    if not scopes:
        raise BadInput("a key needs at least one scope", field="scopes")
    for scope in scopes:
        if scope not in ApiKey.Scope.values:
            expected = ", ".join(ApiKey.Scope.values)
            raise BadInput(f"{scope!r} is not a scope: expected one of {expected}", field="scopes")
    if "partner" in scopes and len(scopes) > 1:
        raise BadInput("a partner key opens /mkt/ only: it has no other scope", field="scopes")
    return scopes


def check_actions(actions, scopes):
    """The names of actions as a sorted list, or BadInput."""
    actions, known = sorted(set(actions)), list_actions()
    if actions and "propose" not in scopes:
        raise BadInput("only a key with the scope propose names actions", field="actions")
    for action in actions:
        if action not in known:
            expected = f"one of {', '.join(known)}" if known else "none, the project has no actions"
            raise BadInput(f"{action!r} is no action: expected {expected}", field="actions")
    return actions


def check_rights(by, *, scopes, actions=(), group=None, before=None):
    """BadInput where a person gives a key what they may not do themselves.

    ``before`` is the key as it was: what it could do already stays, whoever changes the rest.
    """
    if by is None or by.is_superuser:
        return
    had = set(before.scopes) if before else set()
    for scope in sorted(set(scopes) - had):
        needed = conf.get("KEY_PERMISSIONS").get(scope)
        if needed and not by.has_perm(needed):
            raise BadInput(f"a key with the scope {scope} needs somebody with {needed}", field="scopes")
    if set(actions) - set(before.actions if before else ()) and not by.has_perm(NAMES_ACTIONS):
        raise BadInput(f"a key that names actions needs somebody with {NAMES_ACTIONS}", field="actions")
    kept = before is not None and group is not None and before.group_id == group.pk
    if group is not None and not kept and not by.groups.filter(pk=group.pk).exists():
        raise BadInput("is no group of yours: a key reads what its group reads", field="group")


def list_actions():
    """The names of the actions that the project has, sorted."""
    path = conf.get("ACTIONS")
    return sorted(import_string(path)()) if path else []


def revoke_key(key):
    """Refuses the key from now on, in other processes within 2 s. Revoking twice keeps the first time."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())
    key.refresh_from_db()
    forget_key(instance=key)
    forget()
