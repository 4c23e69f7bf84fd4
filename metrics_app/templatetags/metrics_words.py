"""Times and values on the pages, in the reader's zone and units."""

import json
from datetime import UTC, datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html, json_script

from metrics_app.addresses import SOCKET, find_address, find_login, find_root
from metrics_app.core.aggregate_table import describe_table, list_outside
from metrics_app.core.text.counts import count_words
from metrics_app.core.text.moments import list_zone_names, name_zone, tell_day, tell_moment
from metrics_app.core.text.units import format_value
from metrics_app.core.text.words import PROPOSAL, tell_outcome

register = template.Library()


@register.filter
def until(start, end):
    """ "13:59 to 14:02", of moments in ms: with seconds within one minute; one moment where it has no length.

    The day of the end is told where it is another than that of the start.
    """
    began, ends = (
        timezone.localtime(datetime.fromtimestamp(at / 1000, UTC)).replace(microsecond=0)
        for at in (start, end)
    )
    is_short = began.replace(second=0) == ends.replace(second=0)
    if began == ends:
        return moment(start, is_short)
    crosses = began.year != ends.year
    told = moment(start, is_short, with_year=crosses)
    end = moment(end, is_short, with_day=began.date() != ends.date(), with_year=crosses)
    return format_html("{} to {}", told, end)


@register.filter
def moment(ms, seconds=False, with_day=False, with_year=False):
    """Milliseconds since the epoch as a ``<time>`` in the current zone, with seconds if asked; or a dash.

    Today's day is left out, unless ``with_day`` asks for it, and this year, unless ``with_year`` does.
    """
    if ms is None:
        return "—"
    utc = datetime.fromtimestamp(ms / 1000, UTC)
    local, now = timezone.localtime(utc), timezone.localtime()
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        utc.isoformat(timespec="seconds"),
        f"{local:%Y-%m-%d %H:%M:%S} {name_zone(local)}",
        tell_moment(local, now, seconds=seconds, with_day=with_day, with_year=with_year),
    )


@register.filter
def day(ms):
    """The day of a moment (ms) in the current zone: 3 March 2025."""
    local = timezone.localtime(datetime.fromtimestamp(ms / 1000, UTC))
    told = tell_day(local, local, with_year=True, month="%B")
    return format_html('<time datetime="{}">{}</time>', f"{local:%Y-%m-%d}", told)


@register.filter
def days(first, last):
    """ "3 March 2025 to 1 May 2026", of moments in ms in the current zone; of one day that day."""
    began, ended = day(first), day(last)
    return began if began == ended else format_html("{} to {}", began, ended)


@register.filter
def counted(number, words):
    """ "1 point", "4 points" of "point"; of "figure is,figures are" the one that agrees."""
    return count_words(number, *words.split(","))


@register.simple_tag
def page_address(name, *args):
    """The address of a view by its name; "" in a project that has not included it."""
    return find_address(name, *args)


@register.simple_tag
def socket_address():
    """Where the pages' WebSocket is."""
    return find_root() + SOCKET


@register.simple_tag
def login_address():
    """Where one logs in."""
    return find_login()


@register.simple_tag
def zone_names():
    """The names of the current zone by its seasons as JSON for pages: ``{"60": "CET", "120": "CEST"}``."""
    return json.dumps(list_zone_names(timezone.get_current_timezone()))


@register.simple_tag
def zone_here():
    """The name of the current zone now: CET."""
    return name_zone(timezone.localtime())


@register.filter
def in_unit(value, rule):
    """A value in the unit of a threshold's KPI, and of its limit."""
    return format_value(value, rule.kpi.unit, rule.aggregate, rule.limit)


@register.filter
def linked(text):
    """A line of a timeline; the proposal it names becomes a link where the project has a page for it."""
    found = PROPOSAL.search(text)
    if not found:
        return text
    href = find_address("pipeline_detail", found[1])
    if not href:
        return tell_outcome(text)
    before, name, after = tell_outcome(text).partition(f"roposal #{found[1]}")
    return format_html(
        '{}<a class="usa-link" href="{}">{}</a>{}', before[:-1], href, before[-1:] + name, after
    )


@register.simple_tag
def aggregates_table():
    """The aggregates that the project adds to ours, for ``page_aggregates.js``; nothing without any."""
    table = describe_table(list_outside())
    return json_script(table, "aggregates") if table else ""


@register.filter
def as_json(value):
    """Compact JSON for a ``data-`` attribute (escaped by the template)."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


@register.filter
def note_fields(form):
    """``(name, label, type)`` of the fields of a note's form."""
    # Its name, which is that of every season.
    zone = timezone.get_current_timezone_name()
    return [
        ("text", "What happened?", "text"),
        ("at", f"When ({zone}; empty: now)", "datetime-local"),
        ("until", f"Until ({zone}; empty: a moment)", "datetime-local"),
    ]


@register.filter
def get(mapping, name):
    """A value of a dict whose key is not fixed, or None."""
    return mapping.get(name) if mapping else None


@register.filter
def written(form, name):
    """What a form's field holds, as it was written."""
    return form[name].value() or "" if form else ""
