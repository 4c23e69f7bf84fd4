"""The registry of KPIs: topics enter it on first sight; what people may say of one."""

from metrics_app.core.aggregates import list_names
from metrics_app.core.deadman import LONGEST, SHORTEST
from metrics_app.core.text.entries import write_duration
from metrics_app.core.text.literals import show
from metrics_app.models import Kpi
from metrics_app.models.kpis import take_kept
from metrics_app.registry import forget
from metrics_app.services.rules.fields import is_storable

MAX_WINDOW = 3_600  # seconds that are hot


def register_topics(topics):
    """Creates the missing ``Kpi`` rows of checked topics; returns how many were missing.

    Two processes that see a topic at once are harmless: the second row is ignored.
    """
    topics = set(topics)
    known = set(Kpi.objects.filter(topic__in=topics).values_list("topic", flat=True))
    missing = sorted(topics - known)
    if missing:
        kpis = [Kpi(topic=topic) for topic in missing]
        take_kept(kpis)
        Kpi.objects.bulk_create(kpis, ignore_conflicts=True)
        forget()
    return len(missing)


def check_kpi(kpi):
    """``(field, message)`` of what may not be said of an unsaved ``Kpi``."""
    for field in ("name", "unit"):
        value, longest = getattr(kpi, field), Kpi._meta.get_field(field).max_length
        if not isinstance(value, str):
            yield field, f"{show(value)} is not a text: put it in quotes"
        elif len(value) > longest or not is_storable(value):
            yield field, f"{show(value)} cannot be kept: expected at most {longest} characters of text"
    for field, choices in (("direction", Kpi.Direction.values), ("aggregate", list_names("on_tiles"))):
        if getattr(kpi, field) not in choices:
            yield field, f"{show(getattr(kpi, field))} is not one of {', '.join(choices)}"
    yield from check_span("window", kpi.window, 1, MAX_WINDOW)
    if kpi.expected_interval is not None:
        yield from check_span("expected_interval", kpi.expected_interval, SHORTEST, LONGEST)


def check_span(field, seconds, low, high):
    """The fault of a number of seconds that is none, or out of bounds."""
    if type(seconds) is not int or not low <= seconds <= high:
        yield (
            field,
            f"{show(seconds)} cannot be: expected whole seconds from {write_duration(low)} "
            f"to {write_duration(high)}",
        )
