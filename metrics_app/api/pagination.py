"""Lists of every API: ``{"count", "next", "previous", "results"}``."""

from rest_framework.pagination import LimitOffsetPagination, _positive_int

from metrics_app.exceptions import BadInput


class ListPagination(LimitOffsetPagination):
    """``?limit=&offset=``; a value that is not a number is refused, not guessed."""

    default_limit = 100
    max_limit = 1_000

    def get_limit(self, request):
        """Rows of the page, 1 to ``max_limit``; BadInput."""
        text = request.query_params.get(self.limit_query_param)
        if text is None:
            return self.default_limit
        return read_number(text, self.limit_query_param, strict=True, cutoff=self.max_limit)

    def get_offset(self, request):
        """Rows before the page; BadInput."""
        text = request.query_params.get(self.offset_query_param)
        return 0 if text is None else read_number(text, self.offset_query_param)


def read_number(text, field, *, strict=False, cutoff=None):
    """A whole number that is not negative (``strict``: nor 0), or BadInput."""
    try:
        return _positive_int(text, strict=strict, cutoff=cutoff)
    except ValueError:
        expected = "1" if strict else "0"
        raise BadInput(f"{text!r} is not a whole number of at least {expected}", field=field) from None
