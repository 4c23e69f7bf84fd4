"""JSON whose objects have each name once: readers differ in which of two they believe, so none is."""

import json

from metrics_app.core.text.literals import show
from metrics_app.exceptions import BadInput

MAX_NAME = 100  # characters of a name in an answer


def take_members(pairs):
    """The dict of an object's pairs, for ``object_pairs_hook``; BadInput for a name that comes twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        faults = [tell_twice(name, values) for name, values in list_twice(pairs)]
        raise BadInput(faults[0]["message"], errors=faults[:20])
    return found


def list_twice(pairs):
    """``(name, values)`` of each name that comes more than once."""
    given = {}
    for name, value in pairs:
        given.setdefault(name, []).append(value)
    return [(name, values) for name, values in given.items() if len(values) > 1]


def tell_twice(name, values):
    """The fault of a name with several values in one object."""
    message = f"{show(name)} stands {len(values)} times in one object, first {show(values[0])}: expected once"
    return {"field": show_name(name), "message": message}


def show_name(name):
    """A name as an answer can carry it: short, and without half a surrogate pair, which has no UTF-8."""
    return name[:MAX_NAME].encode("utf-8", "backslashreplace").decode()


class OnceDecoder(json.JSONDecoder):
    """For readers that take a class in place of a hook."""

    def __init__(self, **options):
        super().__init__(**options | {"object_pairs_hook": take_members})
