"""What stands in a cell or a read-only line of the admin: times, long texts, yes and no."""

from datetime import UTC, datetime

from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html

from metrics_app.core.text.moments import write_in_full


def write_time(moment):
    """A datetime as every time of the admin, with its zone; a dash for none."""
    return "–" if moment is None else write_in_full(timezone.localtime(moment))


def write_ms(ms):
    """Milliseconds since the epoch the same way; a dash for None."""
    return "–" if ms is None else write_time(datetime.fromtimestamp(ms / 1000, UTC))


def shorten(text, length):
    """The beginning of a text; the whole of it is told on hovering."""
    if len(text) <= length:
        return text
    return format_html('<span title="{}">{}…</span>', text, text[:length].rstrip())


def say(flag):
    """Yes or no: a red cross would call an ordinary "no" a fault."""
    return "yes" if flag else "no"


def link_explanation(text, threshold_id, at=None):
    """A link to the page that says why; "" in a project without the pages. ``at`` in ms, None: now."""
    try:
        address = reverse("explain", args=[threshold_id])
    except NoReverseMatch:
        return ""
    return format_html('<a href="{}{}">{}</a>', address, f"?at={at}" if at else "", text)
