"""The query of an event stream: which topics, from where on, how fast."""

import math
import re
from dataclasses import dataclass
from difflib import get_close_matches
from urllib.parse import parse_qs

from metrics_app.core.points import check_pattern, check_ts
from metrics_app.core.positions import MAX_TOPICS
from metrics_app.exceptions import BadInput

KNOWN = ("topic", "since", "max_rate", "position", "ticket")
# The header Last-Event-ID as those write it into the address who can set none: "lastEventId" of
# event-source-polyfill, "lastEventID", "Last-Event-ID" and "evs_last_event_id" of others.
RESUMES = "lasteventid"
ALIKE = 0.8  # share of letters from which on a name is taken for a misspelled one of ours


@dataclass(frozen=True)
class StreamQuery:
    """``since`` in ms, ``max_rate`` in events a second and topic; None where not asked for.

    ``ignored`` names what was asked besides, as clients do that add a number against caches.
    """

    topics: tuple
    since: int | None = None
    max_rate: float | None = None
    position: str | None = None
    ignored: tuple = ()

    @property
    def is_single(self):
        """Whether exactly one topic was asked for: its events carry no topic, its ids are plain."""
        return len(self.topics) == 1 and not self.topics[0].endswith("*")


def read_query(query_string, *, now, last_event_id=""):
    """The StreamQuery of a URL; ``now`` in ms. BadInput that names the parameter.

    The header ``Last-Event-ID`` counts more than the same in the address, which a client adds as it
    comes back; that more than ``position``, and all of them more than ``since``.
    """
    try:
        fields = parse_qs(query_string.decode(), keep_blank_values=True, max_num_fields=2 * MAX_TOPICS)
    except ValueError:
        raise BadInput("the query cannot be read, or has too many parameters", field="topic") from None
    resumes = [name for name in fields if simplify(name).endswith(RESUMES)]
    ignored = tuple(name for name in fields if name not in KNOWN and name not in resumes)
    for name in ignored:
        check_foreign(name)
    positions = [last_event_id, *(fields[name][-1] for name in resumes), fields.get("position", [None])[-1]]
    return StreamQuery(
        topics=read_topics(fields.get("topic", [])),
        since=read_since(fields["since"][-1], now) if "since" in fields else None,
        max_rate=read_rate(fields["max_rate"][-1]) if "max_rate" in fields else None,
        position=next(filter(None, positions), positions[-1]),
        ignored=ignored,
    )


def simplify(name):
    """The letters and digits of a name in lower case: "maxRate" and "max-rate" are "maxrate"."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def check_foreign(name):
    """BadInput for a name that is most likely one of ours, misspelled: what it asks for would be missing."""
    plain = {simplify(known): known for known in KNOWN}
    meant = get_close_matches(simplify(name), plain, n=1, cutoff=ALIKE)
    if meant:
        known, meant = ", ".join(KNOWN), plain[meant[0]]
        raise BadInput(
            f"unknown parameter {name!r}: expected one of {known}; is {meant!r} meant?", field=name
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
