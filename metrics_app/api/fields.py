"""Fields that take what JSON says and nothing like it; every fault names the value."""

from datetime import UTC, datetime

from rest_framework import serializers

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


class Moment(serializers.DateTimeField):
    """A time: integer milliseconds or ISO 8601 with an offset; answered as ISO 8601 in UTC."""

    def __init__(self, **options):
        super().__init__(default_timezone=UTC, **options)

    def to_internal_value(self, data):
        """The datetime, or a fault that names the value."""
        if type(data) is int and data > LAST:
            raise serializers.ValidationError(f"{show(data)} is after the year 9999")
        try:
            moment = check_ts(data, now=LAST)
        except BadInput as error:
            raise serializers.ValidationError(str(error)[:200]) from None
        return datetime.fromtimestamp(moment / 1000, UTC)
