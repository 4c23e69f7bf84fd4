"""Topics and patterns of them."""


def is_listed(topic, patterns):
    """Whether one of the patterns (a topic, ``complaint.*``, ``*``) includes the topic."""
    return any(
        pattern == "*" or topic == pattern or (pattern.endswith(".*") and topic.startswith(pattern[:-1]))
        for pattern in patterns
    )
