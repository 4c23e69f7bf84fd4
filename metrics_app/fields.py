"""Form fields for times that pages and the admin share; local times by the one rule (``core.wallclock``)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone

from metrics_app.core.wallclock import find_instant, read_clock

# Django gives it to what names no zone itself, and asks nothing of it: no other zone is this very object.
AS_WRITTEN = ZoneInfo.no_cache("UTC")
FORMAT = "%Y-%m-%d %H:%M"


class LocalTimeField(forms.DateTimeField):
    """A time in the reader's zone; of one that comes twice the first, one that is skipped is refused.

    A time that is written with an offset is that moment.
    """

    def to_python(self, value):
        """The aware moment, None for nothing, or ValidationError."""
        with timezone.override(AS_WRITTEN):
            found = super().to_python(value)
        return place_written(found)


class SplitLocalTimeField(forms.SplitDateTimeField):
    """The same in two boxes, as the admin asks for it."""

    def compress(self, data_list):
        """The aware moment, None for nothing, or ValidationError."""
        with timezone.override(AS_WRITTEN):
            found = super().compress(data_list)
        return place_written(found)


class UtcTimeField(forms.DateTimeField):
    """A time in UTC, whatever the reader's zone."""

    def to_python(self, value):
        """The aware moment, None for nothing, or ValidationError."""
        with timezone.override(UTC):
            return super().to_python(value)


def place_written(found):
    """The moment of what was written in the reader's zone; what has a zone of its own is that moment."""
    if found is None or found.tzinfo is not AS_WRITTEN:
        return found
    local, zone = found.replace(tzinfo=None), timezone.get_current_timezone()
    try:
        at = find_instant(local, zone)
        before, after = read_clock(at - 1, zone) + timedelta(milliseconds=1), read_clock(at, zone)
    except (ValueError, OverflowError):
        raise ValidationError(f"{local:{FORMAT}} is beyond what calendars hold.", code="invalid") from None
    if after > local:
        raise ValidationError(tell_skipped(local, before, after), code="skipped")
    return make_moment(at, local)


def make_moment(at, local):
    """The moment at ``at`` ms, in UTC, with what the local time has below a millisecond."""
    return datetime.fromtimestamp(at // 1000, UTC).replace(microsecond=local.microsecond)


def tell_skipped(local, before, after):
    """That a clock never shows a time, and what it shows before and after."""
    form = FORMAT if before.date() != after.date() else "%H:%M"
    zone = timezone.get_current_timezone_name()
    jump = f"the clocks of {zone} go from {before:{form}} to {after:{form}} then"
    return f"{local:{FORMAT}} never comes: {jump}. Write a time before or after."
