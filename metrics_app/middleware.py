"""Times in the reader's zone."""

from zoneinfo import ZoneInfo, available_timezones

from django.utils import timezone


class ReaderTimeZoneMiddleware:
    """Writes times in the zone the reader's browser named in the cookie ``timezone``; else in UTC."""

    def __init__(self, get_response):
        self.get_response = get_response
        self.zones = available_timezones()

    def __call__(self, request):
        name = request.COOKIES.get("timezone", "")
        with timezone.override(ZoneInfo(name) if name in self.zones else None):
            return self.get_response(request)
