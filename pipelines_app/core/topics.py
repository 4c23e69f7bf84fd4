"""Topics and patterns of them."""

from pipelines_app.core.fields import check_topic
from pipelines_app.exceptions import BadInput


def is_listed(topic, patterns):
    """Whether one of the patterns (a topic, ``complaint.*``, ``*``) includes the topic."""
    return any(
        pattern == "*" or topic == pattern or (pattern.endswith(".*") and topic.startswith(pattern[:-1]))
        for pattern in patterns
    )


def is_pattern(text):
    """Whether a text is a topic, a pattern such as ``complaint.*``, or ``*``."""
    topic = text.removesuffix(".*")
    try:
        return text == "*" or check_topic(topic) != ""
    except BadInput:
        return False
