"""Walks the addresses of an API, as its URL patterns list them, so that no test has to name them."""

from typing import NamedTuple

from django.urls import URLResolver, get_resolver, reverse

METHODS = ("get", "post", "patch", "put", "delete")
ARGUMENTS = {"pk": 1, "topic": "er.wait", "file": "day.csv"}


class Door(NamedTuple):
    """One method of one address."""

    name: str
    method: str
    view: type

    @property
    def url(self):
        """An address it answers at."""
        pattern = find_pattern(self.name)
        return reverse(self.name, kwargs={name: ARGUMENTS[name] for name in pattern.pattern.converters})

    def knock(self, client, query="", **options):
        """The response to a request with an empty body."""
        send = getattr(client, self.method)
        return send(self.url + query, content_type="application/json", **options)


def list_patterns(patterns=None):
    """All URL patterns of the project."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from list_patterns(pattern.url_patterns)
        else:
            yield pattern


def find_pattern(name):
    """The URL pattern of a name."""
    return next(pattern for pattern in list_patterns() if pattern.name == name)


def list_api(package):
    """The URL patterns whose view lives in a package, or that the package itself lists."""
    return [pattern for pattern in list_patterns() if pattern.callback.__module__.startswith(package)]


def list_doors(package):
    """A Door for each method of each address of a package."""
    return [
        Door(pattern.name, method, pattern.callback.cls)
        for pattern in list_api(package)
        for method in METHODS
        if hasattr(pattern.callback.cls, method)
    ]


def tell(door):
    """The id of a test: "get kpi_list"."""
    return f"{door.method} {door.name}"
