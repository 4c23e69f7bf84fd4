"""Silences: saved with their faults named, and found where they act."""

import time
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from zoneinfo import available_timezones

from django.utils import timezone

from metrics_app.core.moments import to_ms
from metrics_app.core.points import check_pattern
from metrics_app.core.silences import DAYS, Span, acts_until, find_first, is_matched, list_links
from metrics_app.exceptions import BadInput
from metrics_app.models import Silence
from metrics_app.services.moments import write_moment
from metrics_app.services.rules.fields import is_storable, list_errors

LATEST_YEAR = 2100  # of a start: clocks of later years are anybody's guess
NAMED = 3  # silences of one after the other that are told of
FORESEEN = timedelta(days=400)  # silences that begin later are not looked at


class Acting(NamedTuple):
    """A silence, until when (ms) it acts without pause (0: not now), and what whoever set it may see."""

    silence: Silence
    until: int
    groups: frozenset = frozenset()  # ids
    sees_all: bool = False


class Silenced(NamedTuple):
    """What silences a threshold: until when (ms) without a gap, by which silences one after the other."""

    until: int
    silences: tuple

    def describe(self, zone=UTC):
        """ "silenced until 2026-11-24 08:00 UTC by ann: maintenance"; zone None: the reader's."""
        names = [tell_origin(silence) for silence in self.silences[:NAMED]]
        return f"silenced until {write_moment(self.until, zone)}{'; then'.join(names)}"


def tell_origin(silence):
    """ " by ann: maintenance"."""
    author = f" by {silence.author.get_username()}" if silence.author else ""
    return f"{author}: {silence.reason}"


def save_silence(silence, *, by):
    """Saves a new or changed ``Silence``; BadInput with every fault.

    It speaks for whoever saved it last: it acts on what they may see.
    """
    if errors := list(check_silence(silence)):
        raise BadInput("; ".join(message for _, message in errors), errors=list_errors(errors))
    silence.days = ",".join(day for day in DAYS if day in split_days(silence.days))
    silence.author = by
    silence.save()
    return silence


def end_silence(silence, *, now=None):
    """Ends a silence at once; what it silenced stays on record."""
    moment = now or timezone.now()
    Silence.objects.filter(pk=silence.pk, ends_at__gt=moment).update(ends_at=moment)
    silence.refresh_from_db()
    return silence


def check_silence(silence):
    """Faults as ``(field, message)``."""
    if silence.topic:
        try:
            check_pattern(silence.topic)
        except BadInput as error:
            yield "topic", str(error)
    if not (silence.topic or silence.threshold_id or silence.severity):
        yield "topic", "say what is silenced: a topic, a threshold or a severity ('*' is every topic)"
    if silence.severity not in ("", "info", "warning", "critical"):
        yield "severity", f"{silence.severity!r:.50} is not one of info, warning, critical"
    if not silence.reason.strip() or not is_storable(silence.reason):
        yield "reason", "say why, so that who meets it later understands"
    elif len(silence.reason) > 500:
        yield "reason", f"has {len(silence.reason)} characters, at most 500 are allowed"
    if silence.ends_at <= silence.starts_at:
        yield "ends_at", "is not after the start"
    elif silence.starts_at.year >= LATEST_YEAR:
        yield "starts_at", f"is too far ahead: expected a time before {LATEST_YEAR}"
    elif not any(check_hours(silence)) and find_first(make_span(silence)) is None:
        yield "days", "these hours never come between its start and its end, by the clock of its zone"
    yield from check_hours(silence)


def check_hours(silence):
    """Faults of the recurrence."""
    unknown = split_days(silence.days) - set(DAYS)
    if unknown:
        yield "days", f"{', '.join(sorted(unknown))!r:.50} is no day: write {','.join(DAYS)}"
    if bool(silence.days) != (silence.opens is not None) or (silence.opens is None) != (
        silence.closes is None
    ):
        yield "days", "days, opens and closes go together: all of them, or none"
    for name in ("opens", "closes"):
        if getattr(silence, name) is not None and getattr(silence, name).microsecond:
            yield name, f"{getattr(silence, name)} has a part of a second: write a time such as 22:00"
    if silence.zone not in available_timezones():
        yield "zone", f"{silence.zone!r:.50} is no time zone: write one such as Europe/Berlin"


def split_days(text):
    """The set of words of "mon, tue"."""
    return {day.strip().lower() for day in text.split(",") if day.strip()}


def list_acting(*, at=None):
    """The silences as of a moment (ms, default: now): an Acting of each that acts, the one that lasts longest
    first, and then of each that may yet act. Empty where none acts.
    """
    at = time.time_ns() // 1_000_000 if at is None else at
    moment = datetime.fromtimestamp(at / 1000, UTC)
    rows = Silence.objects.filter(starts_at__lte=moment + FORESEEN, ends_at__gt=moment)
    rows = rows.select_related("author").prefetch_related("author__groups")
    found = [Acting(row, acts_until(make_span(row), at) or 0, *find_sight(row.author)) for row in rows]
    found.sort(key=lambda one: -one.until)
    return found if found and found[0].until else []


def find_sight(author):
    """``(group ids, whether they see all)`` of a person; nobody's (None: their account is gone) is empty."""
    if author is None:
        return frozenset(), False
    return frozenset(group.pk for group in author.groups.all()), author.is_superuser


def make_span(silence):
    """The pure Span of a row."""
    ends = (to_ms(at) for at in (silence.starts_at, silence.ends_at))
    days = tuple(split_days(silence.days))
    return Span(*ends, days, silence.opens, silence.closes, silence.zone)


def is_silenced(threshold, acting):
    """Whether one of ``list_acting`` acts on a threshold (with its ``kpi``)."""
    return any(one.until and fits(one, threshold) for one in acting)


def find_silence(threshold, acting):
    """The Silenced that ``list_acting`` makes of a threshold (with its ``kpi``), or None.

    Several that follow each other without a gap are one: it ends when the last of them does.
    """
    fitting = [one for one in acting if fits(one, threshold)]
    if not fitting or not fitting[0].until:
        return None
    first = fitting[0]
    links = list_links([make_span(one.silence) for one in fitting], first.until)
    silences = dict.fromkeys([first.silence, *(fitting[index].silence for index, _ in links)])
    return Silenced(links[-1][1] if links else first.until, tuple(silences))


def fits(acting, threshold):
    """Whether a silence means this threshold: what whoever set it may not see it does not silence."""
    kpi, silence = threshold.kpi, acting.silence
    if kpi.restricted and not acting.sees_all and kpi.owner_id not in acting.groups:
        return False
    return is_matched(
        silence.topic,
        silence.severity,
        silence.threshold_id,
        topic=threshold.kpi.topic,
        threshold=threshold.pk,
        grade=threshold.severity,
    )
