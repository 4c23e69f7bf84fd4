"""JSON for ``data-`` attributes, times, and the banner of the stop switch."""

import json
from datetime import timedelta

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.timesince import timesince

from pipelines_app.cards.history import tell_entry
from pipelines_app.cards.writing import tell_time, to_local
from pipelines_app.core.counts import count_words
from pipelines_app.core.moments import find_midnight, to_ms
from pipelines_app.core.telling import name_zone, tell_date, tell_day
from pipelines_app.queries import find_stop

register = template.Library()


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
    """A datetime, or milliseconds since the epoch, as a ``<time>`` in the current zone; a dash for none."""
    if not at:
        return "—"
    local = to_local(at) if isinstance(at, (int, float)) else timezone.localtime(at)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        local.isoformat(timespec="seconds"),
        f"{local:%Y-%m-%d %H:%M:%S} {name_zone(local)}",
        tell_time(local, timezone.now()),
    )


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
def day(at):
    """A datetime with its date and zone, as a ``<time>``: ``24 Nov 2026, 03:45 UTC``."""
    local = timezone.localtime(at)
    return format_html('<time datetime="{}">{}</time>', local.isoformat(timespec="seconds"), tell_date(local))


@register.filter
def dated(at):
    """As ``day``, as plain text for a mail."""
    return tell_date(timezone.localtime(at))


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
