"""Frozen texts as a reader may see them: a part is an object that names the topic it stands for.

What was frozen stays as it is in its hash; who may see a part is asked each time it is shown. Pure.
"""

# Lists of parts. What names no topic in them was frozen before each had one, and is nobody's to see.
LISTS = ("companions", "named", "guardrails")
GONE = object()


def show(data, sees):
    """``(data without the parts that are hidden, how many those are)``; ``sees(topic)`` is asked of each."""
    if not isinstance(data, dict):
        return data, 0
    found = [
        # What an entry of ``named`` was asked with is an object of the same name.
        (name, *show_value(value, sees, is_part=name in LISTS and isinstance(value, list)))
        for name, value in data.items()
    ]
    shown = {name: value for name, value, _ in found if value is not GONE}
    return shown, sum(count for *_, count in found)


def show_value(value, sees, *, is_part=False):
    """``(value or GONE, how many are hidden)`` of one value of an object or of a list of parts."""
    if isinstance(value, list):
        found = [show_value(one, sees, is_part=is_part) for one in value]
        return [one for one, _ in found if one is not GONE], sum(count for _, count in found)
    if value is None:
        return None, 0
    if not isinstance(value, dict):
        # A name alone, in a list of parts, cannot be told from a secret.
        return (GONE, 1) if is_part and not sees(None) else (value, 0)
    topic = value.get("topic")
    if (is_part or topic is not None) and not sees(topic if isinstance(topic, str) else None):
        return GONE, 1
    return show(value, sees)


def tell_hidden(count):
    """``2 figures are not shown to you``; empty where all are."""
    if not count:
        return ""
    return "1 figure is not shown to you" if count == 1 else f"{count} figures are not shown to you"
