"""What addresses take: bodies and parameters, unknown names refused."""

from rest_framework import serializers

from pipelines_app.api.fields import (
    ChoiceParam,
    CountParam,
    DayField,
    EntriesField,
    IdField,
    MomentField,
    NumberField,
    ParamsField,
    StatesParam,
    TextField,
    TopicField,
    UnlessField,
    VersionField,
)
from pipelines_app.core import fields
from pipelines_app.core.states import State
from pipelines_app.exceptions import BadInput


class Body(serializers.Serializer):
    """A JSON object that has every required field and no unknown one."""

    def to_internal_value(self, data):
        """The checked values; BadInput names what is unknown or missing."""
        required = [name for name, field in self.fields.items() if field.required]
        optional = [name for name in self.fields if name not in required]
        return super().to_internal_value(fields.check_known(data, required=required, optional=optional))


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
    topic = TopicField(required=False)
