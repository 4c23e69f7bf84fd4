"""The manual step: a proposal without an action is carried out by people, and one of them says when.

It is no entry of the settings: the empty action is always there, and nothing about it is dangerous.
"""

from datetime import date, datetime

from django.utils import timezone

from pipelines_app.core.fields import shorten
from pipelines_app.exceptions import BadInput

DESCRIPTION = "asks somebody to do it by hand"


def is_manual(action):
    """Whether people carry it out."""
    return not action


def check_day(text, *, approved_at, now):
    """The date of ``2026-11-28`` on which it was done: from the approval to today, in the current zone.

    BadInput, which says from when to when.
    """
    first, last = timezone.localdate(approved_at), timezone.localdate(now)
    day = text if isinstance(text, date) and not isinstance(text, datetime) else read_day(text)
    if day > last:
        raise BadInput(f"day is {day}, which is still to come: today is {last}", field="day")
    if day < first:
        raise BadInput(f"day is {day}, before the approval on {first}: nobody had agreed to it", field="day")
    return day


def read_day(text):
    """The date that a text says; BadInput."""
    # ``fromisoformat`` would take 20261128 and 2026-W48-6 too.
    try:
        return datetime.strptime(text, "%Y-%m-%d").date()
    except (TypeError, ValueError):
        raise BadInput(
            f"day must be the date it was done, such as 2026-11-28, not {shorten(text)}", field="day"
        ) from None
