"""What addresses take: bodies and parameters, checked as the services check, unknown names refused."""

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
    """A topic, or an empty text."""

    def check(self, value):
        """The topic."""
        return fields.check_topic(value, field=self.field_name)


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


class Body(serializers.Serializer):
    """A JSON object that has every required field and no unknown one."""

    def to_internal_value(self, data):
        """The checked values; BadInput names what is unknown or missing."""
        required = [name for name, field in self.fields.items() if field.required]
        optional = [name for name in self.fields if name not in required]
        return super().to_internal_value(fields.check_known(data, required=required, optional=optional))


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


class ProposeSerializer(Body):
    """A new proposal; unknown fields are refused."""

    title = TextField(max_length=200)
    suggestion = TextField(max_length=500)
    kpi = NumberField(allow_null=True, help_text="The value that gives the reason, or null.")
    topic = TopicField(max_length=fields.MAX_TOPIC, default="", allow_blank=True)
    rationale = TextField(
        max_length=fields.MAX_RATIONALE,
        default="",
        allow_blank=True,
        help_text="Why, for those who decide; plain text.",
    )
    action = TextField(
        max_length=100,
        default="",
        allow_blank=True,
        help_text="What an approval carries out: one that the key lists. Empty: people do it by hand.",
    )
    action_params = ParamsField(
        default=dict,
        help_text=f"At most {fields.MAX_PARAMS} characters as JSON, {fields.MAX_DEPTH} levels.",
    )
    evidence = EntriesField(
        default=list,
        max_length=fields.MAX_ENTRIES,
        help_text="Things that are on record and visible to you, each by its name: "
        '`{"breach": 12}`, `{"threshold": 3}`, or `{"topic": "complaint.latency", "window": 1800, '
        '"aggregate": "mean"}` (seconds; without them what the tile shows). What they say when the '
        "proposal is opened is frozen as its `evidence.named`.",
    )

    def validate(self, body):
        """The same; BadInput for parameters of no action."""
        if body["action_params"] and not body["action"]:
            raise BadInput("action_params belong to an action, and none is named", field="action_params")
        return body


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


class DelegateSerializer(Body):
    """Who decides in your place, and from when until when."""

    to = TextField(max_length=150, help_text="The user name of somebody else who may decide.")
    starts_at = MomentField(help_text="ms, or ISO 8601 with an offset.")
    ends_at = MomentField(help_text="At most 60 days later.")


class VersionBody(Body):
    """The version you saw."""

    version = VersionField()


class ConfirmSerializer(Body):
    """A manual step of the version you saw was done."""

    version = VersionField()
    day = DayField(help_text="On which day: from the approval to today.")
    comment = TextField(max_length=2000, required=False, allow_blank=True)


class ApproveSerializer(Body):
    """An approval of the version you saw."""

    version = VersionField()
    comment = TextField(max_length=2000, required=False, allow_blank=True)


class ReasonSerializer(Body):
    """A withdrawal, a failure or a closing of the version you saw, and why."""

    version = VersionField()
    comment = TextField(max_length=2000)


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


class RejectSerializer(ReasonSerializer):
    """A rejection of the version you saw, and why; "no, unless" with a value and an end."""

    unless = UnlessField(
        required=False,
        allow_null=True,
        help_text="Once the quantity that the proposal's rule judges is beyond `value` (a number in its "
        "unit, or a text such as `60 h`), the proposal waits again as a new version; until then, or until "
        "the end, its title proposes nothing. `until` is a day (included), a moment with its offset, or ms; "
        "at most 365 days ahead. Only where a rule opened the proposal.",
    )


class ChangeSerializer(Body):
    """Another suggestion in place of the version you saw."""

    version = VersionField()
    suggestion = TextField(max_length=500, required=False)
    earlier = IdField(
        required=False,
        help_text="Instead of it: the number of an approved proposal about the same KPI, whose suggestion "
        "and action are taken over.",
    )
    comment = TextField(max_length=2000, required=False, allow_blank=True)

    def validate(self, body):
        """The same; BadInput unless it has one of the two."""
        if ("suggestion" in body) == ("earlier" in body):
            raise BadInput(
                "expected either a suggestion, or the number of an earlier one", field="suggestion"
            )
        return body


class ChoiceParam(Checked, serializers.ChoiceField):
    """One of some words; an empty text asks for nothing."""

    def check(self, text):
        """The word."""
        return text and fields.check_choice(text, list(self.choices), field=self.field_name)


class StatesParam(Checked, serializers.MultipleChoiceField):
    """Any of the states."""

    def get_value(self, query):
        """All of them: the parameter may be repeated."""
        params = self.context["view"].request.query_params
        return params.getlist(self.field_name) if self.field_name in query else empty

    def check(self, texts):
        """The states that were named."""
        return [fields.check_choice(text, tuple(State), field="state") for text in texts if text]


class CountParam(Checked, serializers.IntegerField):
    """A whole number."""

    def check(self, text):
        """The integer."""
        low = self.min_value
        if not (text.isascii() and text.isdecimal()) or len(text) > 13 or not low <= int(text) <= MOST:
            shown = fields.shorten(text)
            raise BadInput(f"{shown} is not a whole number from {low} to {MOST}", field=self.field_name)
        return int(text)


class Query(serializers.Serializer):
    """The parameters of an address; ``format=json`` is understood everywhere."""

    def to_internal_value(self, data):
        """The checked values; BadInput for every parameter that no field reads."""
        known = [*self.fields, "format"]
        errors = [
            {
                "field": fields.make_printable(name),
                "message": f"unknown parameter: expected {', '.join(known)}",
            }
            for name in data
            if name not in known
        ]
        if errors:
            raise BadInput(errors[0]["message"], errors=errors[:20])
        fields.check_choice(data.get("format", "json"), ("json",), field="format")
        return super().to_internal_value(data)


class ListQuery(Query):
    """The page of a list."""

    limit = CountParam(min_value=1, required=False, help_text="Rows of a page, at most 1,000. Default: 100.")
    offset = CountParam(min_value=0, required=False, help_text="Rows before the page.")


class PipelineQuery(ListQuery):
    """Which proposals, and the page."""

    state = StatesParam(choices=[state.value for state in State], required=False)
    severity = ChoiceParam(choices=fields.SEVERITIES, required=False)
    topic = TopicField(required=False, allow_blank=True)
