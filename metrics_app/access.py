"""Who is at the other end of a stream: a key, else the session of the site.

Sync code for a thread: it asks SQL, and the stream keeps only the answer.
"""

from dataclasses import dataclass, field
from importlib import import_module
from types import SimpleNamespace
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user
from django.http import parse_cookie
from django.http.request import split_domain_port, validate_host

from metrics_app import conf, registry
from metrics_app.core.positions import MAX_TOPICS
from metrics_app.exceptions import BadInput, NotVisible
from metrics_app.models import ApiKey


@dataclass(frozen=True)
class Credential:
    """What a connection showed when it came; looked at again while it stays."""

    key: str | None = None
    session: str | None = field(default=None, repr=False)

    @property
    def is_key(self):
        """Whether a key was shown, good or bad; a session beside it does not count."""
        return self.key is not None


def read_headers(scope):
    """The Credential in an ASGI scope's headers."""
    key = registry.read_credential(scope["headers"])
    if key is not None:
        return Credential(key=key)
    cookies = parse_cookie(read_header(scope, b"cookie"))
    return Credential(session=cookies.get(settings.SESSION_COOKIE_NAME))


def read_header(scope, name):
    """One header as text, several joined as for cookies; "" without it."""
    return "; ".join(value.decode("latin-1") for key, value in scope["headers"] if key == name)


def find_who(credential):
    """The ``Who`` of a credential as of now; None when it opens nothing (any more)."""
    if credential.is_key:
        return registry.find_key(credential.key)
    if not credential.session:
        return None
    store = import_module(settings.SESSION_ENGINE).SessionStore(credential.session)
    return registry.who_is(get_user(SimpleNamespace(session=store)))


def find_all(credentials):
    """``{credential: Who or None}`` of many; the keys in one query, for a round over every connection."""
    hashes = {
        credential: registry.hash_key(credential.key) for credential in credentials if credential.is_key
    }
    rows = ApiKey.objects.filter(revoked_at=None).in_bulk(set(hashes.values()), field_name="hash")
    found = {credential: rows.get(digest) for credential, digest in hashes.items()}
    found = {credential: row and registry.describe_key(row) for credential, row in found.items()}
    return found | {credential: find_who(credential) for credential in credentials if not credential.is_key}


def is_revoked(credential):
    """Whether a key was good once and is revoked now."""
    if not credential.is_key:
        return False
    digest = registry.hash_key(credential.key)
    return ApiKey.objects.filter(hash=digest, revoked_at__isnull=False).exists()


def may_stream(who):
    """Whether a person or key may follow streams at all; which topics is another question."""
    return who.kind == "user" or "read" in who.scopes


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
    """The topics behind names and patterns; NotVisible or BadInput where that is not possible."""
    for name in names:
        if not name.endswith("*") and not registry.may_read(who, name):
            raise NotVisible(f"{name!r} is not among the topics you may see.")
    topics = registry.visible_topics(who, names)
    if len(topics) > MAX_TOPICS:
        message = f"{len(topics)} topics match, at most {MAX_TOPICS} fit into one stream"
        raise BadInput(message, field="topic")
    return topics
