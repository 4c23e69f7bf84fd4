"""Which KPIs an overview shows: words, a state, and the groups of a prefix. Pure.

``static/metrics_app/filters.js`` does the same in the browser.
"""

from typing import NamedTuple

from metrics_app.core.conditions import ORDER

LONGEST = 100  # characters of a search


class Filters(NamedTuple):
    """What a reader wants to see; empty: everything."""

    text: str = ""
    state: str = ""
    grouped: bool = False

    @property
    def any(self):
        """Whether something may be left out."""
        return bool(self.text.strip() or self.state)


def read_filters(params):
    """The Filters of a query string's mapping; what it misspells filters nothing."""
    state = params.get("state", "")
    text = params.get("q", "")[:LONGEST].replace("\0", "")
    return Filters(text, state if state in ORDER else "", "group" in params)


def has_words(text, name, topic):
    """Whether a KPI's name and topic hold every word."""
    where = f"{name} {topic}".lower()
    return all(word in where for word in text.lower().split())


def is_shown(filters, name, topic, css):
    """Whether a tile is shown; ``css`` holds the names of its condition."""
    states = css.split()
    return has_words(filters.text, name, topic) and (not filters.state or filters.state in states)


def get_prefix(topic):
    """The group of a topic: its first word."""
    return topic.partition(".")[0]
