"""JSON bodies of every address but the points': small, flat, and refused in plain words."""

import json

from rest_framework.parsers import BaseParser

from metrics_app.core.members import take_members
from metrics_app.core.text.literals import is_nested_deeper
from metrics_app.exceptions import BadInput, TooLarge

MAX_BODY = 100_000  # bytes; a threshold with every text filled is far smaller
MAX_DEPTH = 50  # levels; what is deeper makes trouble wherever it is copied or shown
MAX_DIGITS = 400  # of an integer: longer ones are beyond every float


class SmallJSONParser(BaseParser):
    """JSON of at most ``MAX_BODY`` bytes and ``MAX_DEPTH`` levels; BadInput, TooLarge."""

    media_type = "application/json"

    def parse(self, stream, media_type=None, parser_context=None):
        """The parsed value."""
        body = stream.read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            raise TooLarge(f"the body is over {MAX_BODY} bytes")
        return load_json(body)


def load_json(body):
    """The value of a body in UTF-8; BadInput."""
    try:
        value = json.loads(
            body.decode(), parse_int=read_int, parse_constant=refuse_constant, object_pairs_hook=take_members
        )
    except UnicodeDecodeError:
        raise BadInput("the body is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise BadInput(f"the body is not JSON: {error}") from None
    except RecursionError:
        raise refuse_depth() from None
    if is_nested_deeper(value, MAX_DEPTH):
        raise refuse_depth()
    return value


def refuse_depth():
    """The error for what is nested too deeply."""
    return BadInput(f"the body is nested too deeply: at most {MAX_DEPTH} levels are allowed")


def read_int(text):
    """An integer of a length that somebody may have meant."""
    if len(text) > MAX_DIGITS:
        raise BadInput(f"a number of {len(text)} digits is too long: at most {MAX_DIGITS} are allowed")
    return int(text)


def refuse_constant(name):
    """BadInput: NaN and Infinity are not JSON."""
    raise BadInput(f"the body is not JSON: it has no {name}")
