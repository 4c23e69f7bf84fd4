"""Fields that take what JSON says and nothing like it; every fault names the value."""

from rest_framework import serializers

from metrics_app.core.literals import show
from metrics_app.core.points import check_value
from metrics_app.exceptions import BadInput


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
    """One of some words."""

    def to_internal_value(self, data):
        """The word, or a fault that lists them."""
        if not isinstance(data, str) or data not in self.choices:
            raise serializers.ValidationError(f"{show(data)} is not one of {', '.join(self.choices)}")
        return data
