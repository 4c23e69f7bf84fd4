"""Who a key is: what the database says of it, remembered in the process for less than 2 s.

A revoked key is refused within ``FRESH`` seconds in every process, at once in the one that
revoked it. While the database is away, keys go by what it last answered (``known_keys``, in Redis).
"""

import logging
import re
import time
from functools import partial
from hashlib import sha256

from django.core.signals import setting_changed
from django.db import Error, transaction
from django.db.models.signals import post_delete, post_save

from metrics_app import known_keys
from metrics_app.absence import database
from metrics_app.core.who import FRESH, Limits, Who
from metrics_app.exceptions import BusUnavailable
from metrics_app.models import ApiKey
from metrics_app.servers import is_database_away

logger = logging.getLogger(__name__)

MAX_KEYS = 10_000  # keys remembered; a flood of guesses must not fill the memory
RAW_KEY = re.compile(r"hms_[A-Za-z0-9_-]{43}\Z")

_keys = {}  # hash -> (fresh until, Who or None)
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
    entry = read_entry(digest)
    known = entry and entry.who
    if known and database.is_felt:
        return known
    try:
        with database.watch():
            row = ApiKey.objects.filter(hash=digest, revoked_at=None).first()
    except Error as error:
        if known and is_database_away(error):
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
    if who == entry.who and not entry.is_old:
        return
    if who is None:
        known_keys.drop(digest)
        return
    try:
        known_keys.write(digest, entry.version, who)
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
        maker=row.created_by_id,
    )


def load_origins():
    """The web origins of all partners, also of revoked keys: their pages must be able to read the 204."""
    global _origins
    fresh_until, origins = _origins
    now = time.monotonic()
    if now >= fresh_until:
        try:
            rows = list(ApiKey.objects.exclude(origins=[]).values_list("origins", flat=True))
        except Error:
            return origins  # the answer that says so must be readable too
        origins = frozenset(origin for row in rows for origin in row)
        _origins = (now + FRESH, origins)
    return origins


def forget():
    """Drops what is remembered, so that a change made in this process takes effect at once."""
    global _origins
    _keys.clear()
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
    if setting == "METRICS_APP":
        forget()
        database.forget()


setting_changed.connect(forget_on_change)
for signal in (post_save, post_delete):
    signal.connect(forget_rows, sender=ApiKey)
    signal.connect(forget_key, sender=ApiKey)
