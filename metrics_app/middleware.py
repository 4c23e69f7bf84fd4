"""Times in the reader's zone."""

from zoneinfo import ZoneInfo, available_timezones

from django.conf import settings
from django.utils import timezone

from metrics_app.core.text.moments import write_offset


class NamedZone(ZoneInfo):
    """A zone that Django's own pages name as ours do: "UTC+5:45" where nobody has given it a name."""

    def tzname(self, moment):
        """As of any zone; None without a moment."""
        name = super().tzname(moment)
        return name if name is None or name.isalpha() else write_offset(self.utcoffset(moment))


class ReaderTimeZoneMiddleware:
    """Writes times in the zone the reader's browser named in the cookie ``timezone``; else in the site's."""

    def __init__(self, get_response):
        self.get_response = get_response
        self.zones = available_timezones()

    def __call__(self, request):
        name = request.COOKIES.get("timezone", "")
        with timezone.override(NamedZone(name if name in self.zones else settings.TIME_ZONE)):
            return self.get_response(request)
