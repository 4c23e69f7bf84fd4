"""Whether anything has changed that a session's rights come from: a few queries for any number of sessions.

Sync code for a thread. Who somebody is takes some queries each; here a thousand are compared with
what they were, and only those that changed are asked in full.
"""

from collections import defaultdict
from importlib import import_module

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.contrib.sessions.backends.db import SessionStore
from django.utils import timezone


def read_stamps(asked):
    """``{credential: stamp}`` of ``{credential: user id}``; what compares equal opens the same as before."""
    sessions = read_sessions({credential.session for credential in asked})
    users = read_users(set(asked.values()))
    return {
        credential: (sessions.get(credential.session), users.get(user_id))
        for credential, user_id in asked.items()
    }


def read_sessions(keys):
    """``{session key: what is stored}`` of those that have not ended."""
    store = import_module(settings.SESSION_ENGINE).SessionStore
    if not issubclass(store, SessionStore):
        return {key: repr(sorted(store(key).load().items())) for key in keys}
    rows = store.get_model_class().objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    return dict(rows.values_list("session_key", "session_data"))


def read_users(ids):
    """``{id: what a user's rights come from}``: the row, groups, and permissions of both."""
    rows = get_user_model()._default_manager.filter(pk__in=ids)
    own = collect(rows.filter(user_permissions__isnull=False).values_list("pk", "user_permissions"))
    groups = collect(rows.filter(groups__isnull=False).values_list("pk", "groups"))
    named = set().union(*groups.values())
    given = collect(Group.objects.filter(pk__in=named).values_list("pk", "permissions"))
    return {
        pk: (row, own[pk], frozenset((group, given[group]) for group in groups[pk]))
        for pk, *row in rows.values_list("pk", "password", "is_active", "is_superuser")
    }


def collect(pairs):
    """``{key: frozenset of values}`` of pairs, empty for a key that is not there."""
    found = defaultdict(set)
    for key, value in pairs:
        found[key].add(value)
    return defaultdict(frozenset, {key: frozenset(values) for key, values in found.items()})
