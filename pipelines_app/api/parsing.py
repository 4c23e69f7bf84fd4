"""Bodies: small JSON objects, whatever a stranger may send."""

import json

from django.conf import settings
from rest_framework.exceptions import ParseError
from rest_framework.parsers import BaseParser

from pipelines_app.exceptions import TooLarge

MAX_BODY = 100_000  # bytes; the longest comment and title are a few thousand


def refuse_constant(name):
    """ValueError: NaN and Infinity are Python's, not JSON's."""
    raise ValueError(f"{name} is not JSON")


class SmallJSONParser(BaseParser):
    """JSON of at most ``MAX_BODY`` bytes; ParseError for anything that is not JSON."""

    media_type = "application/json"

    def parse(self, stream, media_type=None, parser_context=None):
        """The parsed value."""
        body = stream.read(MAX_BODY + 1)
        if len(body) > MAX_BODY:
            raise TooLarge(f"The body has more than {MAX_BODY:,} bytes.")
        try:
            text = body.decode(settings.DEFAULT_CHARSET)
            return json.loads(text, parse_constant=refuse_constant)
        except RecursionError:
            raise ParseError("The body is nested too deeply.") from None
        except ValueError as error:
            raise ParseError(f"The body is not JSON: {error}") from None
