"""Times and values on the pages, in the reader's zone and units."""

import json
import re
from datetime import UTC, datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html, json_script
from django.utils.safestring import mark_safe

from metrics_app.addresses import SOCKET, find_address, find_login, find_root
from metrics_app.core.aggregate_table import describe_table, list_outside
from metrics_app.core.text.counts import count_words
from metrics_app.core.text.moments import (
    list_zone_names,
    name_zone,
    tell_day,
    tell_moment,
    tell_moment_in_zone,
    tell_when,
    write_in_full,
)
from metrics_app.core.text.units import format_value
from metrics_app.core.text.words import PROPOSAL, tell_outcome

register = template.Library()
ZONE = re.compile(r' <span class="zone">([^<]*)</span>')  # as ``write_tag`` writes it


@register.filter
def until(start, end):
    """ "13:59 to 14:02 CET", of moments in ms: with seconds within one minute; one where it has no length.

    The day of the end is told where it is another than that of the start, its zone too.
    """
    began, ends = (to_local(at).replace(microsecond=0) for at in (start, end))
    is_short = began.replace(second=0) == ends.replace(second=0)
    # An hour that comes twice is another one the second time.
    if began == ends and name_zone(began) == name_zone(ends):
        return moment(start, is_short)
    return write_span(began, ends, is_short)


@register.filter
def spanned(start, end):
    """ "24 Nov 13:59 to 14:02 CET", of moments in ms: the same of what is kept, with the day also today."""
    began, ends = (to_local(at).replace(microsecond=0) for at in (start, end))
    return write_span(began, ends, bool(began.second or ends.second), with_day=True)


def write_span(began, ends, seconds, *, with_day=False):
    """Two local times as ``<time>``s; what the second has in common with the first is said once."""
    now, crosses = timezone.localtime(), began.year != ends.year
    first = tell_moment(began, now, seconds=seconds, with_day=with_day, with_year=crosses)
    # Beside its first a moment says its day only where that is another one.
    beside = ends if ends.date() == began.date() else now
    last = tell_moment(ends, beside, seconds=seconds, with_day=ends.date() != began.date(), with_year=crosses)
    zone = name_zone(began)
    told = write_tag(began, first, "" if zone == name_zone(ends) else zone)
    return format_html("{} to {}", told, write_tag(ends, last, name_zone(ends)))


def write_tag(local, text, zone):
    """The ``<time>`` of a local time in these words, all of it on hovering; ``zone`` "": said beside it."""
    return format_html(
        '<time datetime="{}" title="{}">{}{}</time>',
        local.astimezone(UTC).isoformat(timespec="seconds"),
        write_in_full(local),
        text,
        format_html(' <span class="zone">{}</span>', zone) if zone else "",
    )


def to_local(ms):
    """Milliseconds as a datetime of the current zone."""
    return datetime.fromtimestamp(ms / 1000, timezone.get_current_timezone())


@register.filter
def moment(ms, seconds=False):
    """Milliseconds since the epoch as a ``<time>`` in the current zone, with seconds if asked; or a dash.

    "10:06 CET", "24 Nov 10:06 CET": today's day is left out, and this year.
    """
    if ms is None:
        return "—"
    local = to_local(ms)
    return write_tag(local, tell_moment(local, timezone.localtime(), seconds=seconds), name_zone(local))


@register.filter
def when(ms, seconds=False):
    """The same as part of a sentence that is kept: "on 24 Nov at 10:06 CET", also where that is today."""
    local = to_local(ms)
    text = tell_when(local, timezone.localtime(), seconds=seconds, with_day=True)
    return write_tag(local, text.removesuffix(f" {name_zone(local)}"), name_zone(local))


@register.simple_block_tag
def zone_once(content):
    """A list or a table; where all of its moments are of one zone, that is said once, before it."""
    names = ZONE.findall(content)
    if len(names) < 2 or len(set(names)) > 1:
        return content
    rows = mark_safe(ZONE.sub("", content))  # what was rendered, less what is said before it
    return format_html('<div data-zone="{0}"><p class="soft">Times in {0}.</p>{1}</div>', names[0], rows)


@register.filter
def day(ms):
    """The day of a moment (ms) in the current zone: 3 March 2025."""
    local = to_local(ms)
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
def now_here():
    """This very moment, with its day, which what a page says of today leaves out: "24 Nov 10:06:31 CET"."""
    now = timezone.localtime()
    return tell_moment_in_zone(now, now, seconds=True, with_day=True)


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
