"""Bodies: small JSON objects, whatever a stranger may send."""

import json
from collections import Counter

from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from pipelines_app.exceptions import BadInput, TooLarge

MAX_BODY = 100_000  # bytes; the longest comment and title are a few thousand


MAX_DIGITS = 400  # of an integer: longer ones are beyond every float


def refuse_constant(name):
    """ParseError: NaN and Infinity are not JSON."""
    raise ParseError(f"The body is not JSON: it has no {name}.")


def read_int(text):
    """An integer of a length that somebody may have meant; ParseError."""
    if len(text) > MAX_DIGITS:
        raise ParseError(f"A number of {len(text)} digits is too long: at most {MAX_DIGITS} are allowed.")
    return int(text)


def take_members(pairs):
    """The dict of an object's pairs; BadInput for a name that comes twice: readers differ in which counts."""
    found = dict(pairs)
    if len(found) < len(pairs):
        times = Counter(name for name, _ in pairs)
        twice = [show_name(name) for name in found if times[name] > 1][:20]
        message = "stands more than once in one object: expected once"
        faults = [{"field": name, "message": f"{name!r} {message}"} for name in twice]
        raise BadInput(faults[0]["message"], errors=faults)
    return found


def show_name(name):
    """A name as an answer can carry it: short, and in UTF-8, which half a surrogate pair has not."""
    return name[:100].encode("utf-8", "backslashreplace").decode()


class SmallJSONParser(BaseParser):
    """JSON of at most ``MAX_BODY`` bytes; ParseError for anything that is not JSON, BadInput."""

    media_type = "application/json"

    def parse(self, stream, media_type=None, parser_context=None):
        """The parsed value."""
        body = stream.read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            raise TooLarge(f"The body has more than {MAX_BODY:,} bytes.")
        try:
            return json.loads(
                body.decode(),
                parse_constant=refuse_constant,
                parse_int=read_int,
                object_pairs_hook=take_members,
            )
        except RecursionError:
            raise ParseError("The body is nested too deeply.") from None
        except UnicodeDecodeError:
            raise ParseError("The body is not UTF-8.") from None
        except json.JSONDecodeError as error:
            raise ParseError(f"The body is not JSON: {error}") from None
