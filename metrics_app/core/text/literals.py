"""Values in messages: as JSON writes them, and short. Readers of an error know no Python."""

import json
import math

MAX_TEXT = 60  # characters
LONG = 10**40  # an integer from here on is told by its length
DIGIT = math.log10(2)  # of a bit
NUMBERS = {"inf": "Infinity", "-inf": "-Infinity", "nan": "NaN"}


def show(value):
    """A value as JSON writes it (texts in single quotes), cut short; never an error."""
    if isinstance(value, str):
        text = repr(value)
    elif isinstance(value, float):
        text = NUMBERS.get(repr(value), repr(value))
    elif isinstance(value, int) and abs(value) >= LONG:
        text = f"an integer of {math.floor(value.bit_length() * DIGIT) + 1} digits"
    else:
        text = show_structure(value)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"


def show_structure(value):
    """Objects, lists and the words null, true and false; what JSON cannot write by its type."""
    try:
        return json.dumps(value)
    except (TypeError, ValueError, RecursionError):
        return f"a {type(value).__name__}"


def is_nested_deeper(value, depth):
    """Whether lists and objects lie in each other more than ``depth`` levels deep."""
    level = [value] if isinstance(value, (dict, list)) else []
    for _ in range(depth):
        level = [inner for outer in level for inner in list_members(outer)]
    return bool(level)


def list_members(outer):
    """The lists and objects right inside a list or object."""
    members = outer.values() if isinstance(outer, dict) else outer
    return [inner for inner in members if isinstance(inner, (dict, list))]
