"""Values and times in the reader's units and zone."""

from django.utils import timezone

from pipelines_app import conf
from pipelines_app.core.moments import to_moment


def write(value, unit="", aggregate=None, beside=None):
    """A value in the reader's units, as the project writes it; ``beside`` is the limit it stands next to.

    ``aggregate`` only for what was frozen with the KPI's unit and not with that of its own.
    """
    if function := conf.load("FORMAT"):
        more = {"aggregate": aggregate, "beside": beside}
        return function(value, unit, **{name: one for name, one in more.items() if one is not None})
    return "—" if value is None else f"{value:g} {unit}".strip()


def to_local(ms):
    """Milliseconds as a moment in the reader's zone."""
    return timezone.localtime(to_moment(ms))


def tell_time(moment, now):
    """``10:06``, with the day where it is not today's."""
    local = timezone.localtime(moment)
    text = f"{local:%H:%M}"
    return text if local.date() == timezone.localtime(now).date() else f"{local.day} {local:%b %H:%M}"
