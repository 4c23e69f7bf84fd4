"""The query of an event stream: which topics, from where on, how fast."""

import math
from dataclasses import dataclass
from urllib.parse import parse_qs

from metrics_app.core.points import check_pattern, check_ts
from metrics_app.core.positions import MAX_TOPICS
from metrics_app.exceptions import BadInput

KNOWN = ("topic", "since", "max_rate", "position", "ticket")


@dataclass(frozen=True)
class StreamQuery:
    """``since`` in ms, ``max_rate`` in events a second and topic; None where not asked for."""

    topics: tuple
    since: int | None = None
    max_rate: float | None = None
    position: str | None = None

    @property
    def is_single(self):
        """Whether exactly one topic was asked for: its events carry no topic, its ids are plain."""
        return len(self.topics) == 1 and not self.topics[0].endswith("*")


def read_query(query_string, *, now, last_event_id=""):
    """The StreamQuery of a URL; ``now`` in ms. BadInput that names the parameter.

    The header ``Last-Event-ID`` counts more than ``position``, and both more than ``since``.
    """
    try:
        fields = parse_qs(query_string.decode(), keep_blank_values=True, max_num_fields=2 * MAX_TOPICS)
    except ValueError:
        raise BadInput("the query cannot be read, or has too many parameters", field="topic") from None
    for name in fields:
        if name not in KNOWN:
            message = f"unknown parameter {name!r}: expected one of {', '.join(KNOWN)}"
            raise BadInput(message, field=name or "''")
    return StreamQuery(
        topics=read_topics(fields.get("topic", [])),
        since=read_since(fields["since"][-1], now) if "since" in fields else None,
        max_rate=read_rate(fields["max_rate"][-1]) if "max_rate" in fields else None,
        position=last_event_id or (fields["position"][-1] if "position" in fields else None),
    )


def read_topics(names):
    """Topics and patterns, without repeats, in the order asked for."""
    if not names:
        raise BadInput("say what to follow, as in ?topic=complaint.latency", field="topic")
    topics = tuple(dict.fromkeys(check_pattern(name) for name in names))
    if len(topics) > MAX_TOPICS:
        raise BadInput(f"{len(topics)} topics, at most {MAX_TOPICS} fit into one stream", field="topic")
    return topics


def read_since(text, now):
    """A time in ms: milliseconds, ISO 8601, or seconds before now such as ``-3600``."""
    try:
        number = int(text)
    except ValueError:
        return read_moment(text, now)
    return now + number * 1000 if number < 0 else read_moment(number, now)


def read_moment(ts, now):
    """A ts as points have it, checked in the same words."""
    try:
        return check_ts(ts, now=now)
    except BadInput as error:
        raise BadInput(str(error), field="since") from None


def read_rate(text):
    """Events a second and topic, above 0."""
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 0 < rate < math.inf:
        raise BadInput(
            f"{text!r} is not a rate: expected events a second, such as 2 or 0.5", field="max_rate"
        )
    return rate
