"""What a proposal and a vote may contain; pure checks that answer the clean value or BadInput."""

import json
import math
import re
import unicodedata

from pipelines_app.exceptions import BadInput

TOPIC = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)*\Z")
MAX_TOPIC = 100
MAX_VERSION = 2**31 - 1
# Letters and symbols by their category, but nothing is drawn for them.
FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")
# What turns the direction of writing: a text could read backwards to whoever has to decide on it.
DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
SEVERITIES = ("info", "warning", "critical")


def check_text(text, *, field, limit, required=True):
    """The text without spaces around it; ``limit`` is in characters."""
    if not isinstance(text, str):
        raise BadInput(f"{field} must be a text, not {shorten(text)}", field=field)
    text = "" if is_invisible(text) else text.strip()
    if required and not text:
        raise BadInput(f"{field} is required", field=field)
    if len(text) > limit:
        raise BadInput(f"{field} has {len(text)} characters, at most {limit} are allowed", field=field)
    # PostgreSQL stores neither NUL nor half a surrogate pair.
    if "\x00" in text or any("\ud800" <= letter <= "\udfff" for letter in text):
        raise BadInput(f"{field} contains a character that cannot be stored", field=field)
    if turns := sorted(DIRECTION_MARKS.intersection(text)):
        names = ", ".join(f"U+{ord(letter):04X}" for letter in turns)
        raise BadInput(f"{field} contains {names}, which turns the direction of writing", field=field)
    return text


def is_invisible(text):
    """Whether nothing of a text can be seen: spaces, controls, joiners, marks without a letter."""
    # Cc and Cf: controls and format characters; M: marks; Z: spaces and separators.
    return all(
        letter in FILLERS
        or unicodedata.category(letter) in ("Cc", "Cf")
        or unicodedata.category(letter)[0] in "MZ"
        for letter in text
    )


def check_number(value, *, field):
    """A finite float, or None for None."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise BadInput(f"{field} must be a number or null, not {shorten(value)}", field=field)
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise BadInput(f"{field} must be a finite number", field=field)
    return number


def check_topic(topic, *, field="topic"):
    """A topic, or an empty text for a proposal that no KPI measures."""
    if topic == "":
        return topic
    if isinstance(topic, str) and len(topic) <= MAX_TOPIC and TOPIC.match(topic):
        return topic
    raise BadInput(
        f"{shorten(topic)} is not a topic: use lower-case words of letters, digits and _ joined by dots, "
        f"such as 'er.wait', at most {MAX_TOPIC} characters",
        field=field,
    )


def check_choice(value, choices, *, field):
    """One of the ``choices``."""
    if isinstance(value, str) and value in choices:
        return value
    raise BadInput(f"{shorten(value)} is not a {field}: expected one of {', '.join(choices)}", field=field)


def check_version(version):
    """The number of the version that the caller saw."""
    if isinstance(version, bool) or not isinstance(version, int) or not 1 <= version <= MAX_VERSION:
        raise BadInput(
            f"version must be the number of the version you saw, such as 1, not {shorten(version)}",
            field="version",
        )
    return version


def check_known(body, *, required, optional=()):
    """The body itself, if it is an object that has every required field and no unknown one."""
    if not isinstance(body, dict):
        raise BadInput(f"expected a JSON object with {', '.join(required)}, not {shorten(body)}")
    allowed = (*required, *optional)
    errors = [
        {"field": make_printable(name), "message": f"unknown field; allowed are {', '.join(allowed)}"}
        for name in body
        if name not in allowed
    ]
    errors += [{"field": name, "message": f"{name} is required"} for name in required if name not in body]
    if errors:
        raise BadInput(errors[0]["message"], errors=errors[:20])
    return body


def make_printable(name):
    """A field's name as an answer can carry it: half a surrogate pair has no UTF-8."""
    return name[:100].encode("utf-8", "replace").decode()


def shorten(value):
    """A value as an error message can show it: as JSON writes it, a text in single quotes."""
    if isinstance(value, (bool, type(None), float)):
        text = json.dumps(value)
    elif isinstance(value, (str, int)):
        text = ascii(value)
    else:
        text = f"a {kind(value)}"
    return text if len(text) <= 60 else f"{text[:57]}…"


def kind(value):
    """The JSON word for a value that is not a plain one."""
    return {dict: "JSON object", list: "JSON list"}.get(type(value), type(value).__name__)
