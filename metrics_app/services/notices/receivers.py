"""Receivers: saved with their faults named."""

from zoneinfo import available_timezones

from django.utils import timezone

from metrics_app.core.notices import CHOICES, flatten
from metrics_app.core.points import check_pattern
from metrics_app.exceptions import BadInput
from metrics_app.models import Receiver, Threshold
from metrics_app.services.notices.kinds import list_kinds
from metrics_app.services.notices.owed import write_owed_ends
from metrics_app.services.notices.turns import wake
from metrics_app.services.rules.fields import is_storable, list_errors

MOST = 50  # topics
LONGEST_WAIT = 3_600  # seconds of group_wait
STANDING = {"fault", "tried_at", "down_since", "failures", "try_after", "held_until"}  # the drain's to write
REPEATS = (60, 31 * 86_400)  # seconds of repeat_after


def save_receiver(receiver, *, by):
    """Saves a new or changed ``Receiver``; BadInput with every fault.

    What waits for one that was down is tried at once: it may be mended. The next drain tells it what is open,
    and what has ended while it was switched off.
    """
    if errors := list(check_receiver(receiver)):
        raise BadInput("; ".join(message for _, message in errors), errors=list_errors(errors))
    receiver.addresses = list(dict.fromkeys(receiver.addresses))
    if receiver.pk is None:
        receiver.created_by = by
        receiver.save()
        return receiver
    # How its queue stands is not what somebody saw a while ago: a drain may be at it.
    names = [field.name for field in Receiver._meta.concrete_fields if not field.primary_key]
    receiver.save(update_fields=set(names) - STANDING)
    wake([receiver.pk], timezone.now())
    if receiver.enabled:
        write_owed_ends(receiver, timezone.now())
    return receiver


def check_receiver(receiver):
    """Faults as ``(field, message)``."""
    if not receiver.name.strip() or not is_storable(receiver.name) or flatten(receiver.name) != receiver.name:
        yield "name", "write a name in one line"
    yield from check_way(receiver)
    yield from check_words(receiver, "severities", Threshold.Severity.values)
    yield from check_words(receiver, "events", list(CHOICES))
    if len(receiver.topics) > MOST:
        yield "topics", f"are {len(receiver.topics)}, at most {MOST} are allowed"
    for topic in receiver.topics[:MOST]:
        try:
            check_pattern(topic)
        except BadInput as error:
            yield "topics", str(error)
    if receiver.zone not in available_timezones():
        yield "zone", f"{receiver.zone!r:.50} is no time zone: write one such as Europe/Berlin"
    if not 0 <= receiver.group_wait <= LONGEST_WAIT:
        yield "group_wait", f"is {receiver.group_wait} s, at most one hour is allowed"
    if receiver.repeat_after is not None and not REPEATS[0] <= receiver.repeat_after <= REPEATS[1]:
        yield "repeat_after", f"is {receiver.repeat_after} s: expected 1 min to 31 days, or nothing"


def check_way(receiver):
    """Faults of what the kind asks for."""
    kinds = list_kinds()
    if receiver.kind not in kinds:
        yield "kind", f"{receiver.kind!r:.50} is not one of {', '.join(kinds)}"
    else:
        yield from kinds[receiver.kind].check(receiver)


def check_words(receiver, field, known):
    """Faults of a choice among words."""
    chosen = getattr(receiver, field)
    if not chosen:
        yield field, "choose at least one"
    elif unknown := [word for word in chosen if word not in known]:
        yield field, f"{unknown[0]!r:.50} is not one of {', '.join(known)}"
