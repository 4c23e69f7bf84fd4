"""What a client of the WebSocket may say, and the errors that tell it how."""

import json
from dataclasses import dataclass, field

from metrics_app.core.members import take_members
from metrics_app.core.points import check_pattern
from metrics_app.exceptions import BadInput, MetricsError

MAX_BYTES = 262_144  # of one message; a thousand topics with their positions fit
MAX_TOPICS = 1_000  # per connection, and per message
MAX_HISTORY = 3_600  # seconds
MAX_POINTS = 10_000
TYPES = ("subscribe", "unsubscribe", "ping")


class Refusal(MetricsError):
    """A message or a part of it that is not granted; the connection stays."""

    def __init__(self, code, message, topic=None):
        super().__init__(message)
        self.code, self.topic = code, topic


@dataclass
class Subscribe:
    """Topics and patterns to follow; ``history`` in seconds, ``positions`` by topic."""

    topics: list
    positions: dict = field(default_factory=dict)
    history: int = MAX_HISTORY
    max_points: int = MAX_POINTS


def read_request(text):
    """A message as a dict with a known ``type``, or a Refusal."""
    if not isinstance(text, str):
        raise Refusal("bad_message", "Messages are JSON in text frames.")
    if len(text) > MAX_BYTES:
        raise Refusal("too_large", f"A message has at most {MAX_BYTES} bytes, this has {len(text)}.")
    try:
        message = json.loads(text, object_pairs_hook=take_members, parse_constant=refuse_constant)
    except BadInput as error:
        raise Refusal("bad_message", str(error)) from None
    except (ValueError, RecursionError) as error:
        raise Refusal("bad_json", f"This is not JSON: {error}") from None
    if not isinstance(message, dict):
        raise Refusal("bad_message", 'A message is an object such as {"type":"ping"}.')
    if message.get("type") not in TYPES:
        raise Refusal("unknown_type", f"type is {message.get('type')!r}, expected one of {', '.join(TYPES)}")
    return message


def refuse_constant(name):
    """ValueError: NaN and Infinity are not JSON."""
    raise ValueError(f"it has no {name}")


def read_subscribe(message):
    """The Subscribe in a message, or a Refusal that names the field."""
    positions = message.get("positions")
    if positions is not None and not isinstance(positions, dict):
        raise Refusal("bad_message", f"positions is {positions!r}, expected an object: topic to position")
    return Subscribe(
        topics=read_topics(message),
        positions=dict(positions or {}),
        history=read_number(message, "history", 0, MAX_HISTORY),
        max_points=read_number(message, "max_points", 1, MAX_POINTS),
    )


def read_unsubscribe(message):
    """The topics and patterns to leave."""
    return read_topics(message)


def read_topics(message):
    """The list ``topics``, each a topic or a pattern, without repeats."""
    topics = message.get("topics")
    if not isinstance(topics, list) or not 0 < len(topics) <= MAX_TOPICS:
        raise Refusal("bad_message", f"topics is a list of 1 to {MAX_TOPICS} topics or patterns.")
    try:
        return list(dict.fromkeys(check_pattern(topic) for topic in topics))
    except BadInput as error:
        raise Refusal("bad_topic", str(error)) from None


def read_number(message, name, low, high):
    """A number between two bounds, cut to the upper one; the upper one by default."""
    value = message.get(name)
    if value is None:
        return high
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= low:
        raise Refusal("bad_message", f"{name} is {value!r}, expected a number from {low} to {high}")
    return int(min(value, high))
