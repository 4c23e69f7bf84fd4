"""Query parameters: each a field that reads text, or refuses it by name; what no field reads is refused."""

from rest_framework import serializers
from rest_framework.fields import empty

from metrics_app.api.strict import show_name
from metrics_app.core.calendars import CALENDARS, SPANS, check_zone
from metrics_app.core.moments import WHOLE, parse_moment
from metrics_app.core.points import check_pattern, check_topic
from metrics_app.exceptions import BadInput
from metrics_app.queries.history import CORRECTED, PUBLISHED

MOST = 10**12  # rows nobody has
LARGEST_ID = 10**18 - 1
LATEST = 4_102_444_800_000  # ms, 2100: calendars of later years are anybody's guess
VIEWS = [CORRECTED, PUBLISHED]


class Param:
    """What all parameters share: ``read`` makes a value of text; its BadInput gets the parameter's name."""

    def run_validation(self, data=empty):
        """The value; the default where the parameter was not given."""
        is_empty, data = self.validate_empty_values(data)
        if is_empty:
            return data
        try:
            return self.read(data)
        except BadInput as error:
            raise serializers.ValidationError(str(error)) from None


class WholeParam(Param, serializers.IntegerField):
    """A whole number from ``low`` to ``high``."""

    def __init__(self, low, high, **options):
        super().__init__(min_value=low, max_value=high, **{"required": False} | options)

    def read(self, text):
        """The integer."""
        if not WHOLE.match(text) or not self.min_value <= int(text) <= self.max_value:
            raise BadInput(f"{text[:50]!r} is not a whole number from {self.min_value} to {self.max_value}")
        return int(text)


class MomentParam(Param, serializers.CharField):
    """A time in ms: milliseconds, ISO 8601 with an offset, or seconds before the view's now."""

    def __init__(self, ago=None, *, latest=None, **options):
        self.ago, self.latest = ago, latest  # ``ago``: the default, in seconds before now
        default = {"required": False} if ago is None else {"default": Ago(ago)}
        super().__init__(
            **{"help_text": "ms, ISO 8601 with an offset, or -3600 (seconds ago)."} | default | options
        )

    def read(self, text):
        """The milliseconds."""
        moment = parse_moment(text, now=self.context["view"].now)
        if self.latest and moment > self.latest:
            raise BadInput(f"{moment} is too far ahead: expected a time before 2100")
        return moment


class Ago:
    """A default of so many seconds before the view's now."""

    requires_context = True

    def __init__(self, seconds):
        self.seconds = seconds

    def __call__(self, field):
        return field.context["view"].now - self.seconds * 1000


class WordParam(Param, serializers.ChoiceField):
    """One of some words."""

    def read(self, text):
        """The word."""
        if text not in self.choices:
            raise BadInput(f"{text[:50]!r} is not known: expected {', '.join(self.choices)}")
        return text


class FlagParam(Param, serializers.BooleanField):
    """true or false."""

    def read(self, text):
        """The truth."""
        if text not in ("true", "false"):
            raise BadInput(f"{text[:50]!r} is neither true nor false")
        return text == "true"


class TopicParam(Param, serializers.CharField):
    """A topic."""

    def read(self, text):
        """The topic."""
        return check_topic(text)


class PatternParam(Param, serializers.CharField):
    """A topic, or a pattern such as complaint.*."""

    def read(self, text):
        """The pattern."""
        return check_pattern(text)


class ZoneParam(Param, serializers.CharField):
    """The name of a time zone."""

    def read(self, text):
        """The name."""
        check_zone(text)
        return text


class CompareParam(Param, serializers.CharField):
    """day, week, month, year, by comma."""

    def read(self, text):
        """The words in the order given, each once."""
        words = list(dict.fromkeys(text.split(",")))
        for word in words:
            if word not in SPANS:
                raise BadInput(
                    f"{word[:50]!r} cannot be compared with: expected {', '.join(SPANS)}, by comma"
                )
        return words


class Query(serializers.Serializer):
    """The parameters of an address; ``format=json`` is understood where no field says otherwise."""

    def to_internal_value(self, data):
        """The values by source; BadInput for every parameter that no field reads."""
        known = [*self.fields, *(["format"] if "format" not in self.fields else [])]
        errors = [
            {"field": show_name(name), "message": f"unknown parameter: expected {', '.join(known)}"}
            for name in data
            if name not in known
        ]
        if errors:
            raise BadInput(errors[0]["message"], errors=errors[:20])
        if "format" not in self.fields and data.get("format", "json") != "json":
            raise BadInput(f"{data['format'][:50]!r} is not known: expected json", field="format")
        return super().to_internal_value(data)


class ListQuery(Query):
    """The page of a list; further fields are filters, their ``source`` a lookup of the rows."""

    PAGING = ("limit", "offset")

    limit = WholeParam(1, MOST, help_text="Rows of a page, at most 1,000. Default: 100.")
    offset = WholeParam(0, MOST, help_text="Rows before the page.")

    def get_fields(self):
        """The filters, then the page."""
        fields = super().get_fields()
        return {name: fields[name] for name in fields if name not in self.PAGING} | {
            name: fields[name] for name in self.PAGING
        }


def view_param():
    """``as``: the figures as corrected, or as first published."""
    return WordParam(
        VIEWS,
        default=CORRECTED,
        help_text="`published`: as first published, before points that came over an hour late and before "
        "spans were voided or restored.",
    )


def calendar_param(**options):
    """``by``: local buckets."""
    return WordParam(CALENDARS, help_text="Local buckets; weeks begin on Monday.", **options)


def zone_param():
    """``zone``."""
    return ZoneParam(default="UTC", help_text="A time zone such as `Europe/Berlin`. Default: UTC.")


def check_order(start, end):
    """BadInput unless ``start`` is before ``end``, both in ms."""
    if start >= end:
        raise BadInput(f"start ({start}) is not before end ({end})", field="start")
