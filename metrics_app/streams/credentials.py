"""Who is at the other end of a stream: a key, else the session of the site.

Sync code for a thread: it asks SQL, and the stream keeps only the answer.
"""

from dataclasses import dataclass, field, replace
from importlib import import_module
from types import SimpleNamespace
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.db.models import Q
from django.http import parse_cookie
from django.http.request import split_domain_port, validate_host

from metrics_app import conf, keyring, registry
from metrics_app.core.headers import read_credential
from metrics_app.core.points import overlaps
from metrics_app.exceptions import NotVisible
from metrics_app.models import ApiKey
from metrics_app.streams.tickets import Ticket


@dataclass(frozen=True)
class Credential:
    """What a connection showed when it came; looked at again while it stays."""

    key: str | None = field(default=None, repr=False)
    session: str | None = field(default=None, repr=False)
    ticket: Ticket | None = None

    @property
    def is_key(self):
        """Whether a key or its ticket was shown, good or bad; a session beside it does not count."""
        return self.key is not None or self.ticket is not None


def read_headers(scope):
    """The Credential in an ASGI scope's headers."""
    key = read_credential(scope["headers"])
    if key is not None:
        return Credential(key=key)
    cookies = parse_cookie(read_header(scope, b"cookie"))
    return Credential(session=cookies.get(settings.SESSION_COOKIE_NAME))


def read_header(scope, name):
    """One header as text, several joined as for cookies; "" without it."""
    return "; ".join(value.decode("latin-1") for key, value in scope["headers"] if key == name)


def find_who(credential):
    """The ``Who`` of a credential as of now; None when it opens nothing (any more)."""
    if credential.ticket:
        return find_all([credential])[credential]
    if credential.is_key:
        return keyring.find_key(credential.key)
    if not credential.session:
        return None
    store = import_module(settings.SESSION_ENGINE).SessionStore(credential.session)
    return registry.who_is(get_user(SimpleNamespace(session=store)))


def find_all(credentials):
    """``{credential: Who or None}`` of many; the keys in one query, for a round over every connection."""
    keys = {credential: describe_lookup(credential) for credential in credentials if credential.is_key}
    rows = list(ApiKey.objects.filter(find_rows(keys.values()), revoked_at=None)) if keys else []
    known = {("hash", row.hash): row for row in rows} | {("pk", row.pk): row for row in rows}
    found = {credential: narrow(known.get(lookup), credential) for credential, lookup in keys.items()}
    return found | {credential: find_who(credential) for credential in credentials if not credential.is_key}


def describe_lookup(credential):
    """The column and the value that find a credential's key; a ticket knows its row."""
    if credential.ticket:
        return "pk", credential.ticket.key_id
    return "hash", keyring.hash_key(credential.key)


def find_rows(lookups):
    """One condition for many lookups."""
    values = {name: {value for field, value in lookups if field == name} for name in ("pk", "hash")}
    return Q(pk__in=values["pk"]) | Q(hash__in=values["hash"])


def narrow(row, credential):
    """The ``Who`` of a key's row, held to the topics of its ticket; None without a row."""
    who = row and keyring.describe_key(row)
    if who is None or credential.ticket is None:
        return who
    return replace(who, limits=replace(who.limits, within=credential.ticket.topics))


def is_revoked(credential):
    """Whether a key was good once and is revoked now."""
    if not credential.is_key:
        return False
    rows = ApiKey.objects.filter(find_rows([describe_lookup(credential)]))
    return rows.filter(revoked_at__isnull=False).exists()


def may_stream(who):
    """Whether a person or key may follow streams at all; which topics is another question."""
    return who.kind == "user" or "read" in who.scopes


def may_subscribe(who):
    """Whether this is a partner's key, which follows the streams of ``/mkt/`` and nothing else."""
    return who.kind == "key" and "partner" in who.scopes


def is_allowed_from(who, ticket, origin):
    """Whether a partner's stream may go to this origin ("": to a program, which sends none)."""
    if ticket:
        return origin == ticket.origin and (not origin or origin in who.limits.origins)
    return not origin or origin in who.limits.origins


def is_own_origin(scope):
    """Whether a browser's page comes from this site or an allowed origin.

    Without an Origin header it is no browser, and no cross-site page either.
    """
    origin = read_header(scope, b"origin")
    if not origin or origin in conf.get("ALLOWED_ORIGINS"):
        return True
    host = read_header(scope, b"host").lower()
    domain, _ = split_domain_port(host)
    return urlsplit(origin).netloc.lower() == host and validate_host(domain, settings.ALLOWED_HOSTS)


def find_visible(who, names):
    """The topics behind names and patterns; NotVisible for what is outside a key's own list.

    That is refused by its name alone. A restricted topic is left out, as one without points is
    not: whether it exists is not to be learned here.
    """
    for name in names:
        if not may_name(who, name):
            raise NotVisible(f"{name!r} is not among the topics of this key.")
    return registry.visible_topics(who, names)


def may_name(who, name):
    """Whether a key's own list lets it ask for a name or a pattern; people may ask for any."""
    if who.kind != "key":
        return True
    if not name.endswith("*"):
        return registry.may_key_read(who, name)
    return "partner" not in who.scopes or any(overlaps(name, listed) for listed in who.topics)
