"""Who may see what: the KPIs, remembered in the process for less than 2 s, and the one rule.

The doors ask here on every request and every frame, so nothing but ``look_again``, for
what people write, needs SQL while what it remembers is fresh. While the database is away KPIs are as
this process last read them: nobody can change them meanwhile.
"""

import threading
import time

from django.core.signals import setting_changed
from django.db import Error
from django.db.models.signals import post_delete, post_save

from metrics_app.absence import database
from metrics_app.core.points import match_topic
from metrics_app.core.who import FRESH, Who
from metrics_app.forks import free_in_children
from metrics_app.models import Kpi, Restriction
from metrics_app.servers import is_database_away

_lock = free_in_children(threading.Lock())
# (fresh until, topic -> Kpi or None before they were read, restricted topic -> id of its group or None)
_kpis = (0.0, None, {})


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


def load_kpis():
    """All KPIs by topic, at most ``FRESH`` seconds old; as last read while the database is away."""
    return load_registry()[0]


def load_registry():
    """``(KPIs by topic, {topic: group id} of what is restricted, also once deleted)``, as ``load_kpis``."""
    global _kpis
    fresh_until, *known = _kpis
    if time.monotonic() < fresh_until or (known[0] is not None and database.is_felt):
        return known
    with _lock:
        # Whoever waited for the lock finds what the first one read.
        fresh_until, *known = _kpis
        now = time.monotonic()
        if now >= fresh_until:
            try:
                with database.watch():
                    known = read_registry()
            except Error as error:
                if known[0] is None or not is_database_away(error):
                    raise
            _kpis = (now + FRESH, *known)
    return known


def read_registry():
    """``load_registry`` as the rows are now."""
    # KPIs first: one that goes, or comes again, between the two queries is found in one of them.
    kpis = {kpi.topic: kpi for kpi in Kpi.objects.all()}
    kept = dict(Restriction.objects.exclude(topic__in=kpis).values_list("topic", "owner_id"))
    return [kpis, kept | {kpi.topic: kpi.owner_id for kpi in kpis.values() if kpi.restricted}]


def look_again():
    """Reads from the rows what is restricted, before something is written on the ground of it.

    Another process may have restricted a KPI since it was read, and what is written stays.
    The database's error where it is away.
    """
    global _kpis
    with _lock:
        _kpis = (*_kpis[:2], read_restricted())


def read_restricted():
    """``{topic: group id or None}`` of KPIs that are restricted, and of such that were deleted."""
    # One that is deleted between two of the queries is found in the first.
    found = dict(Kpi.objects.filter(restricted=True).order_by().values_list("topic", "owner_id"))
    kept = dict(Restriction.objects.order_by().values_list("topic", "owner_id"))
    lifted = set(Kpi.objects.filter(topic__in=kept, restricted=False).values_list("topic", flat=True))
    return {topic: owner for topic, owner in kept.items() if topic not in lifted} | found


def list_restricted(who):
    """The topics that may not be for ``who``: restricted ones, for a key all, for its topics limit it."""
    kpis, restricted = load_registry()
    return list({*kpis, *restricted}) if who is None or who.kind == "key" else list(restricted)


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
    restricted = load_registry()[1]
    return topic not in restricted or restricted[topic] in who.groups


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
    global _kpis
    _kpis = (0.0, *_kpis[1:])


def forget_rows(**kwargs):
    """The signal's form of ``forget``."""
    forget()


def forget_on_change(*, setting, **kwargs):
    """Forgets when a test overrides the settings: it also has a database of its own."""
    global _kpis
    if setting == "METRICS_APP":
        _kpis = (0.0, None, {})


def keep_restriction(instance, **kwargs):
    """A restricted KPI goes: what it kept from others stays theirs who could see it."""
    if not instance.restricted:
        # Whoever could see it had lifted what was kept of an earlier one.
        Restriction.objects.filter(topic=instance.topic).delete()
    else:
        Restriction.objects.update_or_create(topic=instance.topic, defaults={"owner_id": instance.owner_id})


setting_changed.connect(forget_on_change)
post_delete.connect(keep_restriction, sender=Kpi)
for model in (Kpi, Restriction):
    post_save.connect(forget_rows, sender=model)
    post_delete.connect(forget_rows, sender=model)
