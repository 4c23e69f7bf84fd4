"""Lists of every API: ``{"count", "next", "previous", "results"}``."""

from rest_framework.pagination import LimitOffsetPagination


class ListPagination(LimitOffsetPagination):
    """``?limit=&offset=`` as ``ListQuery`` has read them: what is no number was refused, not guessed."""

    default_limit = 100
    max_limit = 1_000
    limit_query_param, offset_query_param = "limit", "offset"

    def __init__(self, query=None):
        self.query = query or {}

    def get_limit(self, request):
        """Rows of the page, 1 to ``max_limit``: more is cut down to it."""
        return min(self.query.get("limit", self.default_limit), self.max_limit)

    def get_offset(self, request):
        """Rows before the page."""
        return self.query.get("offset", 0)

    def get_paginated_response_schema(self, schema):
        """The envelope, of which no part is ever missing."""
        envelope = super().get_paginated_response_schema(schema)
        return envelope | {"required": ["count", "next", "previous", "results"]}
