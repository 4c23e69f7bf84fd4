"""Making and revoking API keys."""

import secrets

from django.utils import timezone

from metrics_app.core.origins import check_origin
from metrics_app.core.points import check_pattern
from metrics_app.exceptions import BadInput
from metrics_app.models import ApiKey
from metrics_app.registry import forget, hash_key

PREFIX = "hms_"


def create_key(*, name, scopes, topics=(), group=None, by=None, origins=(), **limits):
    """A new key: ``(ApiKey, raw)``. The raw key exists only in this answer.

    ``limits`` are those of a partner: ``max_rate``, ``connections``, ``requests_per_minute``.
    BadInput for unknown scopes, a partner key with other scopes, a bad topic or origin.
    """
    scopes, topics = check_scopes(scopes), [check_pattern(topic) for topic in topics]
    raw = PREFIX + secrets.token_urlsafe(32)
    key = ApiKey.objects.create(
        name=name,
        prefix=raw[:8],
        hash=hash_key(raw),
        scopes=scopes,
        topics=topics,
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


def revoke_key(key):
    """Refuses the key from now on, in other processes within 2 s. Revoking twice keeps the first time."""
    ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now())
    key.refresh_from_db()
    forget()
