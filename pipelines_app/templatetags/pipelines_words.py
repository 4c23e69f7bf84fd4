"""JSON for ``data-`` attributes, times, and the banner of the stop switch."""

import json
import re
from datetime import UTC, timedelta

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import mark_safe
from django.utils.timesince import timesince

from pipelines_app.cards.history import tell_entry
from pipelines_app.cards.writing import to_local
from pipelines_app.core.counts import count_words
from pipelines_app.core.moments import find_midnight, to_ms
from pipelines_app.core.telling import (
    name_zone,
    tell_day,
    tell_in_full,
    tell_moment_in_zone,
    tell_when,
    write_in_full,
)
from pipelines_app.queries import find_stop

register = template.Library()
ZONE = re.compile(r' <span class="zone">([^<]*)</span>')  # as ``write_tag`` writes it


@register.filter
def as_json(value):
    """Compact JSON (escaped by the template)."""
    return json.dumps(value, separators=(",", ":"), allow_nan=False)


@register.filter
def counted(number, words):
    """ "1 case", "4 cases" of "case"; of "entry,entries" the one that agrees."""
    return count_words(number, *words.split(","))


@register.filter
def moment(at):
    """A datetime, or milliseconds since the epoch, as a ``<time>``: "10:06 CET"; a dash for none."""
    if not at:
        return "—"
    local = read_local(at)
    return write_tag(local, tell_moment_in_zone(local, timezone.localtime()))


@register.filter
def when(at):
    """The same as part of a sentence: "at 10:06 CET", "on 24 Nov at 10:06 CET"."""
    local = read_local(at)
    return write_tag(local, tell_when(local, timezone.localtime()))


@register.filter
def in_full(at):
    """The same with its date and year also today: "24 Nov 2026, 03:45 UTC"."""
    local = read_local(at)
    return write_tag(local, tell_in_full(local))


@register.filter
def in_full_text(at):
    """As ``in_full``, as plain text for a mail."""
    return tell_in_full(timezone.localtime(at))


def read_local(at):
    """A datetime, or milliseconds since the epoch, in the current zone."""
    return to_local(at) if isinstance(at, (int, float)) else timezone.localtime(at)


def write_tag(local, text):
    """The ``<time>`` of a local time in these words, which end with its zone; all of it on hovering."""
    zone = name_zone(local)
    return format_html(
        '<time datetime="{}" title="{}">{} <span class="zone">{}</span></time>',
        local.astimezone(UTC).isoformat(timespec="seconds"),
        write_in_full(local),
        text.removesuffix(f" {zone}"),
        zone,
    )


@register.simple_block_tag
def zone_once(content):
    """A list or a table; where all of its moments are of one zone, that is said once, before it."""
    names = ZONE.findall(content)
    if len(names) < 2 or len(set(names)) > 1:
        return content
    rows = mark_safe(ZONE.sub("", content))  # what was rendered, less what is said before it
    return format_html('<div data-zone="{0}"><p class="soft">Times in {0}.</p>{1}</div>', names[0], rows)


@register.filter
def waited(since):
    """How long ago a moment is, in words: ``1 hour, 12 minutes``; nobody has waited for ``0 minutes``."""
    fresh = timezone.now() - since < timedelta(minutes=1)
    return "less than a minute" if fresh else timesince(since)


@register.filter
def occasion(at):
    """As ``moment``; of what has a day and no time of day (the site's midnight, in ms), the day alone."""
    zone = timezone.get_default_timezone()
    site = timezone.localtime(to_local(at), zone)
    if site != find_midnight(site.date(), zone):
        return moment(at)
    return format_html(
        '<time datetime="{}">{}</time>', f"{site:%Y-%m-%d}", tell_day(site, timezone.localtime())
    )


@register.filter
def told(entry):
    """An audit entry in words: ``Approved by Bea for Ada``."""
    return tell_entry(entry)


@register.filter
def milliseconds(at):
    """A datetime as milliseconds since the epoch, for the page's clock."""
    return to_ms(at)


@register.filter
def unlocalised(number):
    """A number as SVG reads it, whatever the reader's language writes for a point."""
    return f"{number:g}"


@register.inclusion_tag("pipelines_app/_stop.html")
def stop_banner():
    """Who stopped all actions and why, while they are: for every page of a project."""
    return {"stop": find_stop()}
