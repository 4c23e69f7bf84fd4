"""Times and values on the pages, in the reader's zone and units."""

import json
from datetime import UTC, datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html

from metrics_app.core.units import format_value

register = template.Library()


@register.filter
def moment(ms):
    """Milliseconds since the epoch as a ``<time>`` in the current zone; a dash for none."""
    if ms is None:
        return "—"
    utc = datetime.fromtimestamp(ms / 1000, UTC)
    local, now = timezone.localtime(utc), timezone.localtime()
    text = f"{local:%H:%M}" if local.date() == now.date() else f"{local.day} {local:%b %H:%M}"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        utc.isoformat(timespec="seconds"),
        f"{local:%Y-%m-%d %H:%M:%S %Z}",
        text,
    )


@register.filter
def in_unit(value, rule):
    """A value in the unit of a threshold's KPI."""
    return format_value(value, rule.kpi.unit, rule.aggregate)


@register.filter
def as_json(value):
    """Compact JSON for a ``data-`` attribute (escaped by the template)."""
    return json.dumps(value, separators=(",", ":"))
