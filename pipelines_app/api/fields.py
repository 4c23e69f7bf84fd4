"""Fields of bodies and parameters: each checked as the services check, with the app's own words."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.fields import empty

from pipelines_app.actions.manual import read_day
from pipelines_app.core import fields
from pipelines_app.core.moments import check_moment
from pipelines_app.core.states import State
from pipelines_app.core.unless import check_unless
from pipelines_app.exceptions import BadInput

MOST = 10**12  # rows nobody has


class Checked:
    """A field whose ``check`` makes the value, or raises this app's BadInput."""

    def run_validation(self, data=empty):
        """The value, or a fault under the field's name."""
        if data is empty:
            return self.validate_empty_values(data)[1]
        try:
            return self.check(data)
        except BadInput as error:
            raise serializers.ValidationError(str(error)) from None


class TextField(Checked, serializers.CharField):
    """A text of at most ``max_length`` characters."""

    def check(self, value):
        """The text without spaces around it."""
        limit, required = self.max_length, not self.allow_blank
        return fields.check_text(value, field=self.field_name, limit=limit, required=required)


class NumberField(Checked, serializers.FloatField):
    """A finite number, or null."""

    def check(self, value):
        """The float."""
        return fields.check_number(value, field=self.field_name)


class TopicField(Checked, serializers.CharField):
    """A topic; an empty text where a blank one is allowed."""

    def check(self, value):
        """The topic."""
        return fields.check_topic(value, field=self.field_name, required=not self.allow_blank)


class VersionField(Checked, serializers.IntegerField):
    """The number of the version that the caller saw."""

    def __init__(self, **options):
        super().__init__(min_value=1, max_value=fields.MAX_VERSION, **options)

    def check(self, value):
        """The number."""
        return fields.check_version(value)


class IdField(Checked, serializers.IntegerField):
    """The number of a proposal."""

    def __init__(self, **options):
        super().__init__(min_value=1, max_value=2**63 - 1, **options)

    def check(self, value):
        """The number."""
        if type(value) is not int:
            raise BadInput(f"expected the number of a proposal, not {fields.shorten(value)}")
        return fields.check_id(value, field=self.field_name)


class ParamsField(Checked, serializers.DictField):
    """A JSON object, at most so many levels deep."""

    def check(self, value):
        """The object."""
        return fields.check_params(value, field=self.field_name)


class EntriesField(Checked, serializers.ListField):
    """Objects that name evidence."""

    child = serializers.DictField(help_text="One thing by its name.")

    def run_validation(self, data=empty):
        """The list; BadInput names the entry."""
        return self.validate_empty_values(data)[1] if data is empty else self.check(data)

    def check(self, value):
        """The list."""
        return fields.check_entries(value, field=self.field_name)


class DayField(Checked, serializers.DateField):
    """A day: ``2026-11-28``."""

    def check(self, value):
        """The date."""
        return read_day(value)


class MomentField(Checked, serializers.DateTimeField):
    """A moment: ms since the epoch, or ISO 8601 with an offset."""

    def check(self, value):
        """The aware datetime."""
        return check_moment(value, field=self.field_name)


@extend_schema_field(
    {
        "type": "object",
        "nullable": True,
        "additionalProperties": False,
        "required": ["value", "until"],
        "properties": {
            "value": {"oneOf": [{"type": "number"}, {"type": "string", "minLength": 1, "maxLength": 50}]},
            "until": {"oneOf": [{"type": "string"}, {"type": "integer"}]},
        },
    }
)
class UnlessField(Checked, serializers.DictField):
    """What a rejection waits for: a value and an end."""

    def run_validation(self, data=empty):
        """The dict; BadInput names the part that is wrong."""
        return self.validate_empty_values(data)[1] if data is empty else self.check(data)

    def check(self, value):
        """The object, whose value and end the rule of the proposal is asked about later."""
        check_unless(value)
        return value


class ChoiceParam(Checked, serializers.ChoiceField):
    """One of some words: whoever asks for nothing leaves the parameter out."""

    def check(self, text):
        """The word."""
        return fields.check_choice(text, list(self.choices), field=self.field_name)


class StatesParam(Checked, serializers.MultipleChoiceField):
    """Any of the states."""

    def get_value(self, query):
        """All of them: the parameter may be repeated."""
        params = self.context["view"].request.query_params
        return params.getlist(self.field_name) if self.field_name in query else empty

    def check(self, texts):
        """The states that were named."""
        return [fields.check_choice(text, tuple(State), field="state") for text in texts]


class CountParam(Checked, serializers.IntegerField):
    """A whole number."""

    def check(self, text):
        """The integer."""
        low = self.min_value
        if not (text.isascii() and text.isdecimal()) or len(text) > 13 or not low <= int(text) <= MOST:
            shown = fields.shorten(text)
            raise BadInput(f"{shown} is not a whole number from {low} to {MOST}", field=self.field_name)
        return int(text)
