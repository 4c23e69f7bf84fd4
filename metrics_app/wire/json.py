"""The JSON of ``POST /api/v1/points/``: one point, a list of points, or columns of one topic.

Typed decoding and NumPy take what is well formed. Anything they refuse is read a
second time, slowly and with care, to say exactly what is wrong with it.
"""

import json
from math import nan

import msgspec
import numpy as np
from msgspec import UNSET, Struct, UnsetType

from metrics_app.core.batches import group_points
from metrics_app.core.members import list_twice, show_name, tell_twice
from metrics_app.core.points import EARLIEST, check_topic, check_ts, check_value, parse_iso
from metrics_app.core.text.literals import show
from metrics_app.exceptions import BadInput, TooLarge

MAX_ERRORS = 100  # faults listed in one answer
MAX_MESSAGE = 300  # characters; a fault may quote megabytes
MAX_DIGITS = 400  # of an integer: longer ones are beyond every float
NOT_GIVEN = -1  # a ts that nobody can mean
COLON = ord(":")
EXAMPLE = '{"topic": "er.wait", "value": 12.5, "ts": 1732390000123}'


class Point(Struct, forbid_unknown_fields=True, gc=False):
    """One point as it is sent."""

    topic: str
    value: float = nan  # which JSON cannot say
    ts: int | str = NOT_GIVEN


class Columns(Struct, forbid_unknown_fields=True, gc=False):
    """Many points of one topic as they are sent."""

    topic: str
    values: list[float]
    ts: list[int | str] | UnsetType = UNSET


class Members(dict):
    """An object's members, the last of each name, with the faults of names that stand ``twice``."""

    def __init__(self, pairs):
        super().__init__(pairs)
        self.twice = (
            [tell_twice(name, values) for name, values in list_twice(pairs)] if len(self) < len(pairs) else []
        )


class Written(float):
    """A float that remembers how it was written, for messages."""

    def __new__(cls, text):
        number = super().__new__(cls, text)
        number.text = text
        return number

    def __repr__(self):
        return self.text


decode_points = msgspec.json.Decoder(list[Point]).decode
decode_point = msgspec.json.Decoder(Point).decode
decode_columns = msgspec.json.Decoder(Columns).decode


def decode(body, *, now, max_points=10_000, max_future=5):
    """The batch in a request's body, and how many points it holds.

    ``now`` is in ms, ``max_future`` in seconds. BadInput lists the faults by
    index and field; TooLarge over ``max_points``.
    """
    try:
        topics, ts, values = decode_fast(body, now)
        check_count(len(values), max_points)
        ts = np.asarray(ts, dtype=np.int64)
        if ts.min() < EARLIEST or ts.max() > now + max_future * 1000:
            raise BadInput("a ts is out of range", field="ts")
        return group_points(topics, ts, values), len(values)
    except (msgspec.MsgspecError, UnicodeDecodeError, BadInput, OverflowError):
        topics, ts, values = FaultFinder(now, max_points, max_future).decode(body)
        return group_points(topics, np.array(ts, dtype=np.int64), values), len(values)


def decode_fast(body, now):
    """``(topics, ts, values)``: topics as a list or the only one, ranges unchecked."""
    if not body.lstrip().startswith(b"{"):
        return decode_list(body, now)
    if b'"values"' not in body:
        point = decode_point(body)
        ts, value = point.ts, point.value
        names = 1 + (ts != NOT_GIVEN) + (value == value)
        check_names(body, body.count(b":") - names, [ts])
        return point.topic, [now if ts == NOT_GIVEN else to_ms(ts)], [1.0 if value != value else value]
    columns = decode_columns(body)
    given = columns.ts is not UNSET
    ts = columns.ts if given else [now] * len(columns.values)
    if len(ts) != len(columns.values):
        raise BadInput("ts and values differ in length", field="values")
    check_names(body, count_colons(body) - 2 - given, ts)
    return columns.topic, [to_ms(one) for one in ts], columns.values


def decode_list(body, now):
    """The same of a list of points."""
    points = decode_points(body)
    ts = np.array(
        [point.ts if point.ts.__class__ is int else parse_iso(point.ts) for point in points], dtype=np.int64
    )
    values = np.array([point.value for point in points], dtype=np.float64)
    no_ts, no_value = ts == NOT_GIVEN, np.isnan(values)
    names = 3 * len(points) - np.count_nonzero(no_ts) - np.count_nonzero(no_value)
    check_names(body, count_colons(body) - names, (point.ts for point in points))
    ts[no_ts], values[no_value] = now, 1
    return [point.topic for point in points], ts, values


def count_colons(body):
    """The colons of a long body."""
    return np.count_nonzero(np.frombuffer(body, dtype=np.uint8) == COLON)


def check_names(body, colons, moments):
    """BadInput where an object may have a name twice, of which typed decoding keeps the last in silence.

    ``colons`` are those that stand behind no name that was read. A time has some; any other one is
    a second name, or in a topic, which may have none. What is escaped looks otherwise.
    """
    if colons and colons == sum(ts.count(":") for ts in moments if ts.__class__ is str):
        colons = 0
    if colons or b"\\" in body:
        raise BadInput("a name may stand twice")


def to_ms(ts):
    """A ts as sent (ms or ISO 8601) in ms, unchecked."""
    return ts if ts.__class__ is int else parse_iso(ts)


def check_count(count, max_points):
    """BadInput for no points, TooLarge for too many."""
    if not count:
        raise BadInput(f"there are no points: expected at least one, such as {EXAMPLE}")
    if count > max_points:
        raise TooLarge(f"{count} points in one request, at most {max_points} are allowed")


class FaultFinder:
    """One slow reading of a body that collects its faults, and the indexes of all that is faulty."""

    def __init__(self, now, max_points, max_future):
        self.now, self.max_points, self.max_future = now, max_points, max_future
        self.errors, self.refused, self.ahead = [], set(), 0

    def decode(self, body):
        """``(topics, ts, values)``, or BadInput with every fault (the first hundred)."""
        data = load_json(body)
        if isinstance(data, dict) and "values" in data:
            columns = self.read_columns(data)
        elif isinstance(data, dict):
            columns = self.read_points([data], [None])
        elif isinstance(data, list):
            check_count(len(data), self.max_points)
            columns = self.read_points(data, range(len(data)))
        else:
            raise BadInput(f"expected a point such as {EXAMPLE}, a list of points, or columns")
        if self.errors:
            refused = sorted(self.refused)
            raise BadInput(self.errors[0]["message"], errors=self.errors, refused=refused, ahead=self.ahead)
        return columns

    def read_points(self, items, indexes):
        """The columns of a list of objects; what is faulty is left out of them."""
        topics, ts, values = [], [], []
        for index, item in zip(indexes, items, strict=True):
            if not isinstance(item, dict):
                self.add(index, None, f"{show(item)} is not a point: expected {EXAMPLE}")
                continue
            self.refuse_unknown(item, ("topic", "value", "ts"), index)
            topics.append(self.read_topic(item, index))
            values.append(self.check(index, "value", check_value, item.get("value", 1)))
            ts.append(self.check(index, "ts", self.check_ts, item["ts"]) if "ts" in item else self.now)
        return topics, ts, values

    def read_columns(self, data):
        """The columns of one topic."""
        self.refuse_unknown(data, ("topic", "ts", "values"), None)
        topic, values = self.read_topic(data, None), data["values"]
        ts = data.get("ts", [self.now] * len(values) if isinstance(values, list) else [])
        for field, column in (("values", values), ("ts", ts)):
            if not isinstance(column, list):
                raise BadInput(f"{show(column)} is not a list", field=field)
        check_count(len(values), self.max_points)
        if len(ts) != len(values):
            raise BadInput(f"{len(ts)} ts for {len(values)} values: expected as many", field="ts")
        numbers = [self.check(i, "values", check_value, value) for i, value in enumerate(values)]
        return topic, [self.check(i, "ts", self.check_ts, moment) for i, moment in enumerate(ts)], numbers

    def read_topic(self, item, index):
        """The checked topic of an object."""
        if "topic" not in item:
            self.add(index, "topic", "topic is missing")
            return None
        return self.check(index, "topic", check_topic, item["topic"])

    def check_ts(self, ts):
        """A ts in ms, or BadInput."""
        return check_ts(ts, now=self.now, max_future=self.max_future)

    def check(self, index, field, checker, value):
        """What the checker makes of a value; its refusal is noted."""
        try:
            return checker(value)
        except BadInput as error:
            self.ahead = max(self.ahead, error.ahead)
            self.add(index, field, str(error))
            return None

    def refuse_unknown(self, item, fields, index):
        """Notes the fields that are not expected, and those that stand twice."""
        for fault in getattr(item, "twice", ()):
            self.add(index, **fault)
        for name in item:
            if name not in fields:
                self.add(index, show_name(name), f"unknown field {name!r}: expected {', '.join(fields)}")

    def add(self, index, field, message):
        """Notes one fault, up to ``MAX_ERRORS`` in words."""
        if index is not None:
            self.refused.add(index)
        if len(message) > MAX_MESSAGE:
            message = f"{message[: MAX_MESSAGE // 2]} … {message[-MAX_MESSAGE // 2 :]}"
        if len(self.errors) < MAX_ERRORS:
            error = {"field": field, "message": message}
            self.errors.append(error if index is None else {"index": index} | error)


def load_json(body):
    """A body as Python objects whose numbers remember how they were written; BadInput."""
    try:
        return json.loads(
            body.decode(),
            parse_float=Written,
            parse_int=read_int,
            parse_constant=Written,
            object_pairs_hook=Members,
        )
    except UnicodeDecodeError:
        raise BadInput("the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadInput(f"the body is not JSON: {error}") from None
    except RecursionError:
        raise BadInput("the body is nested too deeply") from None


def read_int(text):
    """An integer; an absurdly long one as the infinite float it would become."""
    return int(text) if len(text) <= MAX_DIGITS else Written(text)
