"""What every address of this API shares, whatever a project's ``REST_FRAMEWORK`` says."""

from django.utils.module_loading import import_string
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import extend_schema
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.metadata import SimpleMetadata
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.renderers import JSONRenderer
from rest_framework.views import APIView

from pipelines_app import conf
from pipelines_app.api.access import CanSeeProposals
from pipelines_app.api.errors import handle_exception
from pipelines_app.api.parsing import SmallJSONParser
from pipelines_app.api.shapes import PipelineErrorsSerializer
from pipelines_app.api.taken import Body, Query

FAULTS = (400, 401, 403, 503)


class AlwaysJson(DefaultContentNegotiation):
    """One format, whatever is accepted."""

    def select_renderer(self, request, renderers, format_suffix=None):
        """The first one."""
        return renderers[0], renderers[0].media_type


class ListPagination(LimitOffsetPagination):
    """``?limit=&offset=`` as the query serializer has read them."""

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


class DocumentedSchema(AutoSchema):
    """OpenAPI of the addresses: a body takes what is listed, and nothing besides."""

    def _map_basic_serializer(self, serializer, direction):
        """The schema of a serializer."""
        schema = super()._map_basic_serializer(serializer, direction)
        if isinstance(serializer, Body) or (isinstance(serializer, type) and issubclass(serializer, Body)):
            schema["additionalProperties"] = False
        return schema


def operation(name, *, query=Query, body=None, answers=None, faults=()):
    """Marks a method of an ``ApiView``: what it takes and answers, for requests and for OpenAPI alike."""

    def mark(handler):
        handler.query, handler.body = query, body
        statuses = sorted({*FAULTS, *faults, *((413, 415) if body else ())})
        documented = extend_schema(
            operation_id=name,
            request=body,
            parameters=[query] if query().fields else [],
            responses=answers | dict.fromkeys(statuses, PipelineErrorsSerializer),
        )
        return documented(handler)

    return mark


class ApiView(APIView):
    """An address: sessions and the project's keys, small JSON, faults in the one shape.

    By the time a method that is marked as ``operation`` runs, ``self.query`` holds its checked
    parameters.
    """

    permission_classes = [CanSeeProposals]
    throttle_classes = []
    parser_classes = [SmallJSONParser]
    renderer_classes = [JSONRenderer]
    content_negotiation_class = AlwaysJson
    metadata_class = SimpleMetadata
    versioning_class = None
    pagination_class = ListPagination
    schema = DocumentedSchema()

    def get_authenticators(self):
        """What ``PIPELINES_APP["AUTHENTICATION"]`` names, then sessions."""
        return [*(import_string(path)() for path in conf.get("AUTHENTICATION")), SessionAuthentication()]

    def get_authenticate_header(self, request):
        """What a 401 asks for; without it REST framework would answer 403 to somebody unknown."""
        return super().get_authenticate_header(request) or 'Session realm="proposals"'

    def get_exception_handler(self):
        """The one shape of errors."""
        return handle_exception

    def initial(self, request, *args, **kwargs):
        """Lets in who may, then reads the parameters: nobody learns anything from them before."""
        super().initial(request, *args, **kwargs)
        handler = getattr(self, request.method.lower(), None)
        if hasattr(handler, "query"):
            self.query = self.read(handler.query, request.query_params.dict())

    def read_body(self):
        """The checked body of the method at hand; BadInput or ValidationError."""
        return self.read(getattr(self, self.request.method.lower()).body, self.request.data)

    def read(self, serializer_class, data):
        """What a serializer makes of some data."""
        serializer = serializer_class(data=data, context={"view": self})
        serializer.is_valid(raise_exception=True)
        return serializer.validated_data

    def http_method_not_allowed(self, request, *args, **kwargs):
        """405, with what is allowed."""
        allowed = [method for method in self.allowed_methods if method not in ("HEAD", "OPTIONS")]
        message = f"{request.method[:20]} is not allowed here: use {' or '.join(allowed)}."
        raise MethodNotAllowed(request.method, message)
