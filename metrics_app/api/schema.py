"""Shapes of requests and answers, for the OpenAPI schema."""

from rest_framework import serializers

from metrics_app.api.fields import Column, Figure, FlagColumn, WholeColumn
from metrics_app.core.aggregates import get_aggregate, list_choices
from metrics_app.core.conditions import ORDER

TOPIC = {"type": "string", "pattern": r"^[a-z0-9_]+(\.[a-z0-9_]+)*$", "maxLength": 100}
TIME = {
    "oneOf": [{"type": "integer", "format": "int64"}, {"type": "string", "format": "date-time"}],
    "description": "Milliseconds since the epoch, or ISO 8601 with an offset. Default: the time of receipt.",
}
NUMBER = {"type": "number", "format": "double"}
POINT = {
    "type": "object",
    "properties": {"topic": TOPIC, "value": NUMBER | {"default": 1}, "ts": TIME},
    "required": ["topic"],
    "additionalProperties": False,
}
COLUMNS = {
    "type": "object",
    "properties": {
        "topic": TOPIC,
        "ts": {"type": "array", "items": TIME, "maxItems": 10_000},
        "values": {"type": "array", "items": NUMBER, "minItems": 1, "maxItems": 10_000},
    },
    "required": ["topic", "values"],
    "additionalProperties": False,
}
POINTS = {"oneOf": [POINT, {"type": "array", "items": POINT, "minItems": 1, "maxItems": 10_000}, COLUMNS]}


REVISED = "Whether late points or a voided span changed the bucket; given behind the hot hour."
RECORDED = (
    "The share (0 to 1) in which points were recorded: where it is 0 nobody counted, and that there is none "
    "says nothing."
)
LOSSES = (
    "Spans in which points were lost with the memory of Redis, of those asked for; given where there are any."
)


class AcceptedSerializer(serializers.Serializer):
    """The bus has the batch."""

    accepted = serializers.IntegerField(help_text="Points.")
    skew = serializers.FloatField(
        required=False,
        help_text="Seconds by which the sender's clock (HMS-Clock) is ahead, negative: behind, where that is "
        "more than a point may lie in the future. It was subtracted from the times of the batch.",
    )


class Whole(serializers.IntegerField):
    """A whole number that is only answered."""

    def __init__(self, **options):
        super().__init__(read_only=True, **options)


class KpiSerializer(serializers.Serializer):
    """A KPI and the value of its tile."""

    topic = serializers.CharField(source="kpi.topic", read_only=True)
    name = serializers.SerializerMethodField()
    unit = serializers.CharField(source="kpi.unit", read_only=True)
    direction = serializers.CharField(
        source="kpi.direction", read_only=True, help_text="Which way is better: lower, higher, none."
    )
    aggregate = serializers.CharField(source="kpi.aggregate", read_only=True)
    window = Whole(source="kpi.window", help_text="Seconds.")
    expected_interval = Whole(
        source="kpi.expected_interval",
        allow_null=True,
        help_text="Seconds within which a point must come; null: it may be silent.",
    )
    silent_since = Whole(
        allow_null=True, help_text="ms; the slot that found it silent for longer than that; null: it is not."
    )
    condition = serializers.ChoiceField(
        ORDER,
        source="condition.name",
        help_text="The worst that holds of its thresholds, as its tile shows it; none: no limit is set.",
    )
    unjudged_since = Whole(
        source="condition.unjudged_since",
        allow_null=True,
        help_text="ms; up to when it was judged, where nobody has judged one of its thresholds since.",
    )
    no_data = serializers.BooleanField(
        source="condition.is_silent",
        help_text="Whether its tile has no points to show, a point is overdue, or its worst threshold has "
        "none to judge by, or such as prove nothing, or was never judged; beside what is beyond its limit, "
        "never in its place.",
    )
    value = Figure(
        help_text="Of the tile's window; of an empty one null, of a count or rate 0 where it was recorded."
    )
    computed_at = Whole(
        help_text="Milliseconds since the epoch: now, or, while the collector is behind, how far it counted."
    )

    def get_name(self, tile) -> str:
        """The KPI's, or its topic."""
        return tile.kpi.name or tile.kpi.topic


class LostSerializer(serializers.Serializer):
    """A span whose points were lost with the memory of Redis."""

    start = serializers.IntegerField(help_text="ms")
    end = serializers.IntegerField(help_text="ms")
    points = serializers.IntegerField(
        allow_null=True,
        help_text="Of this KPI, as far as is known; what came last may not have been counted. null: nobody "
        "knows.",
    )


class AggregatesSerializer(serializers.Serializer):
    """The statistics of a span: a number for each aggregate that tiles may show."""

    count = serializers.IntegerField()
    sum = Figure()
    stddev = Figure()

    def get_fields(self):
        """The fields written down, and one for each aggregate that is registered by now."""
        fields = super().get_fields()
        for name, words in list_choices("on_tiles"):
            empties = not get_aggregate(name).judges_empty
            fields.setdefault(name, Figure(allow_null=empties, help_text=f"{words.capitalize()}."))
        return fields

    def to_representation(self, figures):
        """In the order in which they were computed."""
        found = super().to_representation(figures)
        return {name: found[name] for name in figures if name in found}


class StatsSerializer(AggregatesSerializer):
    """Statistics of a window [end - window, end), end being the next whole second."""

    topic = serializers.CharField()
    window = serializers.IntegerField(help_text="Seconds.")
    last_point_at = serializers.IntegerField(
        allow_null=True,
        help_text="Milliseconds since the epoch. Of points that came by files alone, the start of the minute "
        "that holds the newest, or, where minutes are no longer kept, of its hour or UTC day.",
    )
    computed_at = serializers.IntegerField(help_text="Milliseconds since the epoch.")
    start = serializers.IntegerField(
        required=False, help_text="Where the window begins, ms; given where that is before the hot hour."
    )
    recorded = Figure(required=False, help_text=f"{RECORDED} Given where it is less than 1.")
    losses = LostSerializer(many=True, required=False, help_text=LOSSES)


class SeriesSerializer(serializers.Serializer):
    """Columns of equal length, one row per bucket."""

    ts = WholeColumn(help_text="Starts of the buckets, ms.")
    count = WholeColumn()
    mean = Column()
    min = Column()
    max = Column()
    p50 = Column()
    p95 = Column()
    recorded = Column(required=False, help_text=f"{RECORDED} Given where one is less than 1.")
    revised = FlagColumn(required=False, help_text=REVISED)
    losses = LostSerializer(many=True, required=False, help_text=LOSSES)


class CalendarColumnsSerializer(serializers.Serializer):
    """Columns of local buckets, one row per bucket."""

    ts = WholeColumn(help_text="Starts of the buckets, ms.")
    end = WholeColumn(help_text="Their ends, ms.")
    count = WholeColumn()
    sum = Column()
    mean = Column()
    min = Column()
    max = Column()
    p50 = Column()
    p95 = Column()
    recorded = Column(required=False, help_text=f"{RECORDED} Given where one is less than 1.")
    revised = FlagColumn(required=False, help_text=REVISED)


class CalendarSerializer(CalendarColumnsSerializer):
    """Columns of local buckets, and the same buckets earlier."""

    earlier = serializers.DictField(
        child=CalendarColumnsSerializer(), required=False, help_text="By each word of `compare`."
    )
    losses = LostSerializer(many=True, required=False, help_text=LOSSES)


class FiguresSerializer(AggregatesSerializer):
    """Figures of a span [start, end)."""

    start = serializers.IntegerField(help_text="ms; where the answer begins.")
    end = serializers.IntegerField(help_text="ms")
    recorded = Figure(help_text=RECORDED)


class CompareSerializer(FiguresSerializer):
    """Figures of a span, and of the same local times earlier."""

    topic = serializers.CharField()
    zone = serializers.CharField()
    earlier = serializers.DictField(child=FiguresSerializer(), help_text="By each word of `compare`.")
