"""Who may see what: keys and KPIs, remembered in the process for less than 2 s.

The doors ask here on every request and every frame, so nothing here needs SQL
while what it remembers is fresh. A revoked key is refused within ``FRESH`` seconds
in every process, at once in the one that revoked it.

While the database is away, keys go by what it last answered (``known_keys``, in Redis)
and KPIs by what this process last read: nobody can change either meanwhile.
"""

import base64
import binascii
import logging
import re
import threading
import time
from dataclasses import dataclass
from functools import partial
from hashlib import sha256

import msgspec
from django.core.signals import setting_changed
from django.db import Error as DatabaseError
from django.db import InterfaceError, OperationalError, transaction
from django.db.models.signals import post_delete, post_save

from metrics_app import known_keys
from metrics_app.core.points import match_topic
from metrics_app.exceptions import BusUnavailable
from metrics_app.models import ApiKey, Kpi, Restriction

logger = logging.getLogger(__name__)

FRESH = 1.5  # seconds; with the request that is under way a change takes effect within 2
MAX_KEYS = 10_000  # keys remembered; a flood of guesses must not fill the memory
AWAY = (OperationalError, InterfaceError)  # what a database that is away answers
RAW_KEY = re.compile(r"hms_[A-Za-z0-9_-]{43}\Z")


@dataclass(frozen=True)
class Limits:
    """What a partner's key is held to besides its topics."""

    origins: tuple = ()
    max_rate: float | None = None  # events a second and topic
    connections: int = 20
    requests: int = 600  # a minute
    within: tuple | None = None  # patterns a ticket narrows the key's topics to


@dataclass(frozen=True)
class Who:
    """A person or a program at the door, and what it may do."""

    kind: str  # "user" or "key"
    id: int
    name: str
    scopes: frozenset = frozenset()
    groups: frozenset = frozenset()  # ids
    topics: tuple = ()  # patterns a key is limited to
    actions: tuple = ()  # names that a key's proposals may carry
    is_superuser: bool = False
    permissions: frozenset = frozenset()  # of a person: "app.codename"
    limits: Limits = Limits()  # of a partner


_lock = threading.Lock()
_keys = {}  # hash -> (fresh until, Who or None)
# (fresh until, topic -> Kpi or None before they were read, topic -> id of the group it was kept for)
_kpis = (0.0, None, {})
_away_until = 0.0  # until then known keys do not wait for the database again
_origins = (0.0, frozenset())  # (fresh until, origins of all partners)


def hash_key(raw):
    """The SHA-256 of a raw key, in hex; the only form that is stored."""
    return sha256(raw.encode()).hexdigest()


def find_key(raw):
    """The ``Who`` of a raw key; None if it is malformed, unknown or revoked.

    While the database is away a key that was seen within ``known_keys.LIFE`` is as it was
    then; for all others its error is raised.
    """
    if not raw or not RAW_KEY.match(raw):
        return None
    digest, now = hash_key(raw), time.monotonic()
    fresh_until, who = _keys.get(digest, (0.0, None))
    if now >= fresh_until:
        who = look_up(digest)
        if len(_keys) >= MAX_KEYS:
            _keys.clear()
        _keys[digest] = (now + FRESH, who)
    return who


def look_up(digest):
    """The ``Who`` of a digest as the database says, or last said where it is away; None, or its error."""
    global _away_until
    entry = read_entry(digest)
    known = entry and entry.text and msgspec.json.decode(entry.text, type=Who)
    if known and time.monotonic() < _away_until:
        return known
    try:
        row = ApiKey.objects.filter(hash=digest, revoked_at=None).first()
    except AWAY:
        _away_until = time.monotonic() + FRESH
        if known:
            return known
        raise
    who = row and describe_key(row)
    if entry:
        keep_entry(digest, entry, who)
    return who


def read_entry(digest):
    """What Redis knows of a digest; None while it is away, for the database may answer."""
    try:
        return known_keys.read(digest)
    except BusUnavailable as error:
        logger.debug("Keys are looked up in the database alone: %s", error)
        return None


def keep_entry(digest, entry, who):
    """Makes Redis know what the database has just said, where it does not know it already."""
    text = who and msgspec.json.encode(who, order="deterministic").decode()
    if text == entry.text and not entry.is_old:
        return
    if who is None:
        known_keys.drop(digest)
        return
    try:
        known_keys.write(digest, entry.version, text)
    except BusUnavailable as error:
        logger.debug("A key is not kept for an outage: %s", error)


def describe_key(row):
    """The ``Who`` of an ``ApiKey`` row."""
    return Who(
        kind="key",
        id=row.pk,
        name=row.name,
        scopes=frozenset(row.scopes),
        groups=frozenset([row.group_id] if row.group_id else []),
        topics=tuple(row.topics),
        actions=tuple(row.actions),
        limits=Limits(tuple(row.origins), row.max_rate, row.connections, row.requests_per_minute),
    )


def who_is(user):
    """The ``Who`` of a logged-in user; None for an anonymous one. Asks SQL."""
    if not user.is_authenticated:
        return None
    return Who(
        kind="user",
        id=user.pk,
        name=user.get_username(),
        groups=frozenset(user.groups.values_list("pk", flat=True)),
        is_superuser=user.is_superuser,
        permissions=frozenset(user.get_all_permissions()),
    )


def read_credential(headers):
    """The raw key in a request's headers; None without one, "" for a broken one or more than one.

    ``headers`` is Django's ``request.headers`` or the list of an ASGI scope. Servers and proxies
    differ in which of two they believe, so two keys are none, whichever was meant.
    """
    if isinstance(headers, (list, tuple)):
        headers = join_headers(headers)
    found = [read_key(name, headers[name]) for name in ("Authorization", "X-Api-Key") if name in headers]
    keys = {key for key in found if key is not None}
    if len(keys) > 1:
        return ""
    return keys.pop() if keys else None


def join_headers(pairs):
    """The list of an ASGI scope as a dict; what came twice is joined by a comma, as Django does."""
    joined = {}
    for name, value in pairs:
        joined.setdefault(name.decode("latin-1").title(), []).append(value.decode("latin-1"))
    return {name: ",".join(values) for name, values in joined.items()}


def read_key(name, value):
    """The raw key of one header; None where it carries something else, "" for a broken one."""
    if name == "X-Api-Key":
        return value.strip()
    scheme, _, credential = value.partition(" ")
    if scheme.lower() in ("bearer", "token"):
        return credential.strip()
    return read_basic_password(credential) if scheme.lower() == "basic" else None


def read_basic_password(credential):
    """The password of HTTP Basic credentials, "" when they cannot be read."""
    try:
        return base64.b64decode(credential, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        return ""


def load_kpis():
    """All KPIs by topic, at most ``FRESH`` seconds old; as last read while the database is away."""
    return load_registry()[0]


def load_registry():
    """``(KPIs by topic, {topic: group id} of restricted ones that were deleted once)``, as ``load_kpis``."""
    global _kpis
    fresh_until, *known = _kpis
    if time.monotonic() < fresh_until:
        return known
    with _lock:
        # Whoever waited for the lock finds what the first one read.
        fresh_until, *known = _kpis
        now = time.monotonic()
        if now >= fresh_until:
            try:
                # KPIs first: one that goes, or comes again, between the two queries is found in one of them.
                kpis = {kpi.topic: kpi for kpi in Kpi.objects.all()}
                known = [kpis, dict(Restriction.objects.values_list("topic", "owner_id"))]
            except AWAY:
                if known[0] is None:
                    raise
            _kpis = (now + FRESH, *known)
    return known


def list_restricted(who):
    """The topics that may not be for ``who``: restricted ones, for a key all, for its topics limit it."""
    kpis, kept = load_registry()
    is_key = who is not None and who.kind == "key"
    return [*(topic for topic, kpi in kpis.items() if is_key or who is None or kpi.restricted), *kept]


def load_origins():
    """The web origins of all partners, also of revoked keys: their pages must be able to read the 204."""
    global _origins
    fresh_until, origins = _origins
    now = time.monotonic()
    if now >= fresh_until:
        try:
            rows = list(ApiKey.objects.exclude(origins=[]).values_list("origins", flat=True))
        except DatabaseError:
            return origins  # the answer that says so must be readable too
        origins = frozenset(origin for row in rows for origin in row)
        _origins = (now + FRESH, origins)
    return origins


def get_kpi(topic):
    """The ``Kpi`` of a topic, or None. Shared between threads: not to be changed."""
    return load_kpis().get(topic)


def list_kpis():
    """All KPIs in the order of their topics. Shared between threads: not to be changed."""
    return list(load_kpis().values())


def list_open():
    """The KPIs that everybody may see, in the order of their topics."""
    return [kpi for kpi in list_kpis() if kpi.open_data and not kpi.restricted]


def find_open(topic):
    """The ``Kpi`` of a topic that everybody may see, or None."""
    kpi = get_kpi(topic)
    return kpi if kpi and kpi.open_data and not kpi.restricted else None


def may_read(who, topic):
    """Whether ``who`` (or None: nobody) may see the points of a topic."""
    if who is None:
        return False
    if who.is_superuser:
        return True
    if who.kind == "key" and not may_key_read(who, topic):
        return False
    kpis, kept = load_registry()
    if (kpi := kpis.get(topic)) is not None:
        return not kpi.restricted or kpi.owner_id in who.groups
    return topic not in kept or kept[topic] in who.groups


def may_key_read(who, topic):
    """Whether a key's scopes and topics include the topic; a partner's list is never "all"."""
    if "partner" in who.scopes:
        return is_partners(who, topic)
    return "read" in who.scopes and (not who.topics or is_listed(who.topics, topic))


def is_partners(who, topic):
    """Whether a topic is on a partner's list and its ticket's; says nothing of whether it exists."""
    within = who.limits.within
    return is_listed(who.topics, topic) and (within is None or is_listed(within, topic))


def may_emit(who, topic):
    """Whether a key may send points of a topic; None is the project itself."""
    return who is None or not who.topics or is_listed(who.topics, topic)


def is_listed(patterns, topic):
    """Whether one of the patterns includes the topic."""
    return any(match_topic(pattern, topic) for pattern in patterns)


def visible_topics(who, patterns):
    """The topics that ``who`` may see among patterns, sorted.

    A topic named in full is included before its first point: whoever subscribes
    early gets it from the start.
    """
    named = {pattern for pattern in patterns if not pattern.endswith("*")}
    wide = [pattern for pattern in patterns if pattern.endswith("*")]
    if wide:
        named.update(topic for topic in load_kpis() if is_listed(wide, topic))
    return sorted(topic for topic in named if may_read(who, topic))


def forget():
    """Drops what is remembered, so that a change made in this process takes effect at once."""
    global _kpis, _origins
    _keys.clear()
    _kpis = (0.0, *_kpis[1:])
    _origins = (0.0, frozenset())


def forget_rows(**kwargs):
    """The signal's form of ``forget``."""
    forget()


def forget_key(*, instance, created=False, **kwargs):
    """Lets no process go by what a changed key was, also where the database is away afterwards."""
    if not created:
        # Not before: a process that asks meanwhile would read, and keep, what the key was.
        transaction.on_commit(partial(known_keys.drop, instance.hash))


def forget_on_change(*, setting, **kwargs):
    """Forgets when a test overrides the settings: it also has a database of its own."""
    global _kpis, _away_until
    if setting == "METRICS_APP":
        forget()
        _kpis, _away_until = (0.0, None, {}), 0.0


def keep_restriction(instance, **kwargs):
    """A restricted KPI goes: what it kept from others stays theirs who could see it."""
    if not instance.restricted:
        # Whoever could see it had lifted what was kept of an earlier one.
        Restriction.objects.filter(topic=instance.topic).delete()
    else:
        Restriction.objects.update_or_create(topic=instance.topic, defaults={"owner_id": instance.owner_id})


setting_changed.connect(forget_on_change)
post_delete.connect(keep_restriction, sender=Kpi)
for model in (ApiKey, Kpi, Restriction):
    post_save.connect(forget_rows, sender=model)
    post_delete.connect(forget_rows, sender=model)
post_save.connect(forget_key, sender=ApiKey)
post_delete.connect(forget_key, sender=ApiKey)
