"""What every address of this API shares, whatever a project's ``REST_FRAMEWORK`` says."""

import time
from functools import cached_property

from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import MethodNotAllowed, NotFound
from rest_framework.metadata import SimpleMetadata
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import SAFE_METHODS
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import APIView

from metrics_app.api.authentication import KeyAuthentication
from metrics_app.api.documented import DocumentedSchema
from metrics_app.api.errors import handle_exception
from metrics_app.api.pagination import ListPagination
from metrics_app.api.params import ListQuery, Query
from metrics_app.api.parsing import SmallJSONParser
from metrics_app.api.permissions import CanRead, identify
from metrics_app.registry import look_again
from metrics_app.services.visibility import limit_to_visible


class AlwaysJson(DefaultContentNegotiation):
    """One format whatever is accepted; an address that writes files reads ``format`` itself."""

    def select_renderer(self, request, renderers, format_suffix=None):
        """The first one."""
        return renderers[0], renderers[0].media_type


class ApiView(APIView):
    """An address: keys and sessions, small JSON bodies, JSON answers, faults in the one shape.

    Its methods are marked as ``operation``; by the time they run, ``self.query`` holds the checked
    parameters. Everything a project could set for all of REST framework is set here, so that the
    API is the same in every project.
    """

    authentication_classes = [KeyAuthentication, SessionAuthentication]
    permission_classes = [CanRead]
    throttle_classes = []
    parser_classes = [SmallJSONParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = AlwaysJson
    metadata_class = SimpleMetadata
    versioning_class = None
    pagination_class = ListPagination
    schema = DocumentedSchema()
    takes_any_parameter = False  # of programs that add their own, and must not be refused for it

    def initial(self, request, *args, **kwargs):
        """Lets in who may, then reads the parameters: nobody learns anything from them before."""
        super().initial(request, *args, **kwargs)
        if request.method not in SAFE_METHODS and request.auth is None:
            # What people write stays: the rows say who may.
            look_again()
        self.query = self.read_query(request)

    def read_query(self, request):
        """The checked parameters of the method at hand; BadInput."""
        marked = getattr(getattr(self, request.method.lower(), None), "operation", None)
        if (
            self.takes_any_parameter
            or marked is None
            or (marked.query is Query and not request.META.get("QUERY_STRING"))
        ):
            return {}
        return self.read(marked.query, request.query_params.dict())

    def read_body(self):
        """The checked body of the method at hand, of a PATCH what is in it. BadInput, ValidationError."""
        method = self.request.method.lower()
        body = getattr(self, method).operation.body
        return self.read(body, self.request.data, partial=method == "patch")

    def read(self, serializer_class, data, **options):
        """What a serializer makes of some data."""
        serializer = serializer_class(data=data, context={"view": self}, **options)
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    @cached_property
    def now(self):
        """ms; what relative times are relative to."""
        return time.time_ns() // 1_000_000

    @cached_property
    def who(self):
        """The ``Who`` that asks, or None."""
        return identify(self.request)

    def answer_page(self, rows, render):
        """One page of rows, in the envelope of every list; ``render`` makes JSON of the page's rows."""
        pages = self.pagination_class(self.query)
        page = pages.paginate_queryset(rows, self.request, view=self)
        return pages.get_paginated_response(render(page))

    def get_exception_handler(self):
        """The one shape of errors."""
        return handle_exception

    def http_method_not_allowed(self, request, *args, **kwargs):
        """405, with what is allowed."""
        allowed = [method for method in self.allowed_methods if method not in ("HEAD", "OPTIONS")]
        message = f"{request.method[:20]} is not allowed here: use {' or '.join(allowed)}."
        raise MethodNotAllowed(request.method, message)


class RowsView(ApiView):
    """Addresses of rows that belong to topics: only those of topics one may see exist."""

    serializer_class: type
    topic_path: str  # from a row to its topic, as a lookup
    noun: str  # "breach"

    def get_rows(self):
        """All rows, in the order of the list."""
        raise NotImplementedError

    def list_visible(self):
        """The rows of the topics one may see."""
        return limit_to_visible(self.get_rows(), self.who, self.topic_path)

    def find(self, pk):
        """The row, or 404 whether it is unknown or hidden."""
        row = self.list_visible().filter(pk=pk).first()
        if row is None:
            raise NotFound(f"There is no {self.noun} {pk}, or you may not see it.")
        return row

    def render(self, rows, *, many=False):
        """The JSON of one row, or of several."""
        return self.serializer_class(rows, many=many, context={"view": self}).data

    def answer(self, row, status=200):
        """The response with one row."""
        return Response(self.render(row), status=status)

    def answer_list(self):
        """One page of the visible rows that the filters leave."""
        wanted = {path: value for path, value in self.query.items() if path not in ListQuery.PAGING}
        return self.answer_page(
            self.list_visible().filter(**wanted), lambda page: self.render(page, many=True)
        )
