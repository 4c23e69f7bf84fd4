"""Moments in sentences, with their zone named."""

from datetime import datetime

from django.utils import timezone

from metrics_app.core.text.moments import write_in_full


def write_moment(ms, zone=None):
    """ "2026-11-24 08:00 CET": in a zone, by default the reader's."""
    at = datetime.fromtimestamp(ms / 1000, zone or timezone.get_current_timezone())
    return write_in_full(at, seconds=False)
