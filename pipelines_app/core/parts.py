"""Frozen texts as a reader may see them: a part is an object that names the topic it stands for.

What was frozen stays as it is in its hash; who may see a part is asked each time it is shown, and whoever
may not is not told that there is one. Pure.
"""

# Lists of parts. What names no topic in them was frozen before each had one, and is nobody's to see.
LISTS = ("companions", "named", "guardrails")
GONE = object()


def show(data, sees):
    """``data`` without the parts that are hidden; ``sees(topic)`` is asked of each."""
    if not isinstance(data, dict):
        return data
    found = {
        # What an entry of ``named`` was asked with is an object of the same name.
        name: show_value(value, sees, is_part=name in LISTS and isinstance(value, list))
        for name, value in data.items()
    }
    return {name: value for name, value in found.items() if value is not GONE}


def show_value(value, sees, *, is_part=False):
    """One value of an object or of a list of parts as it is shown; GONE where it is hidden."""
    if isinstance(value, list):
        found = (show_value(one, sees, is_part=is_part) for one in value)
        return [one for one in found if one is not GONE]
    if value is None:
        return None
    if not isinstance(value, dict):
        # A name alone, in a list of parts, cannot be told from a secret.
        return GONE if is_part and not sees(None) else value
    topic = value.get("topic")
    if (is_part or topic is not None) and not sees(topic if isinstance(topic, str) else None):
        return GONE
    return show(value, sees)
