"""Lists of every API: ``{"count", "next", "previous", "results"}``."""

from rest_framework.pagination import LimitOffsetPagination

from metrics_app.api.params import read_integer

MOST = 10**12  # rows nobody has


class ListPagination(LimitOffsetPagination):
    """``?limit=&offset=``; a value that is not a number is refused, not guessed."""

    default_limit = 100
    max_limit = 1_000

    def get_limit(self, request):
        """Rows of the page, 1 to ``max_limit`` (more is cut down to it); BadInput."""
        params, name = request.query_params, self.limit_query_param
        return min(read_integer(params, name, default=self.default_limit, low=1, high=MOST), self.max_limit)

    def get_offset(self, request):
        """Rows before the page; BadInput."""
        return read_integer(request.query_params, self.offset_query_param, default=0, low=0, high=MOST)
