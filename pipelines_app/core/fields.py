"""What a proposal and a vote may contain; pure checks that answer the clean value or BadInput."""

import json
import math
import re
import unicodedata

from pipelines_app.exceptions import BadInput

TOPIC = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)*\Z")
MAX_TOPIC = 100
MAX_RATIONALE = 4_000  # characters
MAX_PARAMS, MAX_DEPTH = 10_000, 20  # characters and levels of an action's parameters as JSON
MAX_ENTRIES = 10  # pieces of evidence that one proposal names
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


def check_params(params, *, field="action_params"):
    """A JSON object that every database keeps, at most ``MAX_DEPTH`` levels deep."""
    if not isinstance(params, dict):
        raise BadInput(f"{field} must be a JSON object, not {shorten(params)}", field=field)
    level = [params]
    for _ in range(MAX_DEPTH):
        level = [inner for outer in level for inner in list_members(outer)]
    if level:
        raise BadInput(f"{field} is nested too deeply: at most {MAX_DEPTH} levels are allowed", field=field)
    try:
        text = json.dumps(params, allow_nan=False, ensure_ascii=False)
        text.encode()
    except ValueError:
        raise BadInput(f"{field} holds something that cannot be stored", field=field) from None
    if len(text) > MAX_PARAMS:
        raise BadInput(
            f"{field} has {len(text)} characters as JSON, at most {MAX_PARAMS} are allowed", field=field
        )
    if "\\u0000" in text:
        raise BadInput(f"{field} contains a character that cannot be stored", field=field)
    return params


def list_members(outer):
    """The objects and lists right inside an object or a list."""
    members = outer.values() if isinstance(outer, dict) else outer
    return [inner for inner in members if isinstance(inner, (dict, list))]


def check_entries(entries, *, field="evidence"):
    """A list of at most ``MAX_ENTRIES`` objects of plain values, each of which names a thing."""
    if not isinstance(entries, list):
        raise BadInput(f"{field} must be a JSON list of objects, not {shorten(entries)}", field=field)
    if len(entries) > MAX_ENTRIES:
        raise BadInput(f"{field} has {len(entries)} entries, at most {MAX_ENTRIES} are allowed", field=field)
    for number, entry in enumerate(entries):
        if not isinstance(entry, dict) or not entry:
            raise BadInput(
                f"an entry is an object that names something, not {shorten(entry)}", field=f"{field}.{number}"
            )
        for name, value in entry.items():
            check_plain(value, field=f"{field}.{number}.{make_printable(name)}")
    return entries


def check_plain(value, *, field):
    """A text of at most ``MAX_TOPIC`` characters, or a whole number that databases count with."""
    if isinstance(value, str):
        return check_text(value, field=field, limit=MAX_TOPIC)
    if type(value) is int and abs(value) < 2**63:
        return value
    raise BadInput(f"{shorten(value)} is neither a name nor a whole number", field=field)


def check_topic(topic, *, field="topic", required=False):
    """A topic; unless it is ``required`` also an empty text, of a proposal that no KPI measures."""
    if topic == "" and not required:
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


def is_id(text):
    """Whether a text can be the id of a row."""
    return text.isascii() and text.isdecimal() and len(text) < 19 and int(text) > 0


def check_id(value, *, field):
    """The id of a row, as a number or as the text of a form; None for an empty one. BadInput."""
    if value in (None, ""):
        return None
    text = str(value)
    if isinstance(value, bool) or not is_id(text):
        raise BadInput(f"{shorten(value)} is not the number of a proposal", field=field)
    return int(text)


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
