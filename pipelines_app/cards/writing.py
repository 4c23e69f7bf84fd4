"""Values and times in the reader's units and zone."""

from django.utils import timezone

from pipelines_app import conf
from pipelines_app.core import telling
from pipelines_app.core.moments import to_moment


def write(value, unit="", aggregate=None, beside=None):
    """A value in the reader's units, as the project writes it; ``beside`` is the limit it stands next to.

    ``aggregate`` only for what was frozen with the KPI's unit and not with that of its own.
    """
    if function := conf.load("FORMAT"):
        more = {"aggregate": aggregate, "beside": beside}
        return function(value, unit, **{name: one for name, one in more.items() if one is not None})
    return "—" if value is None else f"{value:g} {unit}".strip()


def capitalise(text):
    """The text as a sentence begins."""
    return text[:1].upper() + text[1:]


def tell_sight(user, *, count=0):
    """`` that you may see`` behind "no proposal", also where none is hidden; "" for whoever sees all."""
    return "" if count or user.is_superuser else " that you may see"


def to_local(ms):
    """Milliseconds as a moment in the reader's zone."""
    return timezone.localtime(to_moment(ms))


def tell_time(moment, now):
    """``10:06 CET``, with the day where it is not today's, and the year where it is not this one's."""
    return telling.tell_moment_in_zone(timezone.localtime(moment), timezone.localtime(now))


def tell_when(moment, now):
    """``at 10:06 CET``, ``on 24 Nov at 10:06 CET``: the same as part of a sentence."""
    return telling.tell_when(timezone.localtime(moment), timezone.localtime(now))
