"""Fields that take what JSON says and nothing like it; every fault names the value."""

import math
from datetime import UTC, datetime

from django.db import models
from drf_spectacular.utils import extend_schema_field
from rest_framework import ISO_8601, serializers

from metrics_app.core.moments import parse_moment
from metrics_app.core.points import check_ts, check_value
from metrics_app.core.text.literals import show
from metrics_app.exceptions import BadInput

LAST = 253_402_300_799_999  # ms, the end of 9999: no calendar goes further


class Strict:
    """A field that takes one type of JSON and guesses nothing: "5" is not 5, 1 is not true."""

    kinds: tuple
    expected: str

    def to_internal_value(self, data):
        """The value as it came, or a fault that names it."""
        if type(data) not in self.kinds:
            raise serializers.ValidationError(f"{show(data)} is not {self.expected}")
        return data


class Whole(Strict, serializers.IntegerField):
    """A whole number."""

    kinds, expected = (int,), "a whole number"


class Text(Strict, serializers.CharField):
    """A text, which may be empty."""

    kinds, expected = (str,), "a text"


class Flag(Strict, serializers.BooleanField):
    """True or false."""

    kinds, expected = (bool,), "true or false"


class Params(Strict, serializers.JSONField):
    """A JSON object."""

    kinds, expected = (dict,), "a JSON object"


class Number(serializers.FloatField):
    """A finite number."""

    def to_internal_value(self, data):
        """The float, or a fault that names the value."""
        try:
            return check_value(data)
        except BadInput as error:
            raise serializers.ValidationError(str(error)[:200]) from None


class Choice(serializers.ChoiceField):
    """One of some words; a function that lists them is asked anew by each serializer."""

    def __init__(self, choices, **options):
        super().__init__(choices() if callable(choices) else choices, **options)

    def to_internal_value(self, data):
        """The word, or a fault that lists them."""
        if not isinstance(data, str) or data not in self.choices:
            raise serializers.ValidationError(f"{show(data)} is not one of {', '.join(self.choices)}")
        return data


class Stamp(serializers.DateTimeField):
    """A moment of the database, answered as ISO 8601 in UTC in every project."""

    def __init__(self, **options):
        super().__init__(format=ISO_8601, default_timezone=UTC, **options)


class ClockTime(serializers.TimeField):
    """A time of day such as 06:30:00, in every project."""

    def __init__(self, **options):
        super().__init__(format=ISO_8601, input_formats=[ISO_8601], **options)


class RowSerializer(serializers.ModelSerializer):
    """A ModelSerializer whose times do not depend on the project's ``REST_FRAMEWORK``."""

    serializer_field_mapping = serializers.ModelSerializer.serializer_field_mapping | {
        models.DateTimeField: Stamp,
        models.TimeField: ClockTime,
    }


@extend_schema_field({"oneOf": [{"type": "integer", "format": "int64"}, {"type": "string"}]})
class Instant(serializers.Field):
    """A time of a body in ms: milliseconds, ISO 8601 with an offset, or seconds before the view's now."""

    def to_internal_value(self, data):
        """The milliseconds, or a fault that names the value."""
        if type(data) not in (int, str):
            expected = "expected ms, ISO 8601 with an offset, or seconds ago such as -3600"
            raise serializers.ValidationError(f"{show(data)} is no time: {expected}")
        try:
            return parse_moment(str(data), now=self.context["view"].now)
        except BadInput as error:
            raise serializers.ValidationError(str(error)) from None

    def to_representation(self, value):
        """The milliseconds."""
        return value


class Figure(serializers.FloatField):
    """A number that was computed; null where there is none, or where it has left the floats."""

    def __init__(self, **options):
        super().__init__(**{"read_only": True, "allow_null": True} | options)

    def to_representation(self, value):
        """The number as it is: counts stay whole."""
        return keep_finite(value)


class Column(serializers.ListField):
    """Figures of a column; null where a bucket is empty."""

    child = Figure()

    def to_representation(self, data):
        """In one go: columns are long."""
        return [keep_finite(value) for value in data]


class WholeColumn(Column):
    """Whole numbers of a column."""

    child = serializers.IntegerField()


class FlagColumn(Column):
    """Truths of a column."""

    child = serializers.BooleanField()


def keep_finite(value):
    """A number JSON can carry: a sum of huge values may have left the floats."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


class Moment(Stamp):
    """A time: integer milliseconds or ISO 8601 with an offset; answered as ISO 8601 in UTC."""

    def to_internal_value(self, data):
        """The datetime, or a fault that names the value."""
        if type(data) is int and data > LAST:
            raise serializers.ValidationError(f"{show(data)} is after the year 9999")
        try:
            moment = check_ts(data, now=LAST)
        except BadInput as error:
            raise serializers.ValidationError(str(error)[:200]) from None
        return datetime.fromtimestamp(moment / 1000, UTC)
