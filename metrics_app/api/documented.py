"""What an operation takes and answers, said once: ``base.ApiView`` holds requests to it, OpenAPI shows it."""

from dataclasses import dataclass

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.utils import OpenApiResponse
from rest_framework import serializers

from metrics_app.api.params import Query
from metrics_app.api.strict import Body


class FaultSerializer(serializers.Serializer):
    """One fault."""

    index = serializers.IntegerField(required=False, help_text="Position in a batch.")
    field = serializers.CharField(allow_null=True)
    message = serializers.CharField()
    version = serializers.IntegerField(required=False, help_text="Of 409: the present one.")


class ErrorsSerializer(serializers.Serializer):
    """Every answer from 400 on."""

    errors = FaultSerializer(many=True)
    refused = serializers.ListField(
        child=serializers.IntegerField(),
        required=False,
        help_text="Of a batch of points: where all faulty ones stand; errors names the first hundred.",
    )


BODY = {413: "The body is too large.", 415: "The body is not JSON in UTF-8."}
DOOR = {401: "Not logged in and no valid key.", 403: "Not allowed, or the key lacks the scope."}


@dataclass(frozen=True)
class Operation:
    """One method of a view: ``query`` and ``body`` are what it takes, ``answers`` serializers by status."""

    name: str
    summary: str
    query: type = Query
    body: object = None
    answers: dict | None = None
    faults: dict | None = None
    description: str = ""
    headers: tuple = ()
    examples: tuple = ()


def operation(name, summary, **parts):
    """Marks a method of an ``ApiView``: its id and summary in OpenAPI, and the parts of its Operation."""

    def mark(handler):
        handler.operation = Operation(name, summary, **parts)
        return handler

    return mark


class DocumentedSchema(AutoSchema):
    """The OpenAPI description of a view whose methods are marked as ``operation``."""

    @property
    def marked(self):
        """The Operation of the method at hand."""
        return getattr(self.view, self.method.lower()).operation

    def get_operation_id(self):
        """As marked."""
        return self.marked.name

    def get_summary(self):
        """As marked."""
        return self.marked.summary

    def get_description(self):
        """As marked, else the docstring of the method."""
        return self.marked.description or super().get_description()

    def get_override_parameters(self):
        """What the query serializer reads, and headers."""
        query = self.marked.query
        return [*([query] if query().fields else []), *self.marked.headers]

    def get_request_serializer(self):
        """As marked."""
        return self.marked.body

    def get_examples(self):
        """As marked."""
        return list(self.marked.examples)

    def get_response_serializers(self):
        """The answers, and every fault this method can end in."""
        faults = {400: "What is wrong, by field or parameter."}
        faults |= DOOR if self.view.authentication_classes else {}
        faults |= {404: "There is none, or not for you."} if "{" in self.path else {}
        faults |= BODY if self.marked.body else {}
        faults |= {503: "Redis or the database is away."} | (self.marked.faults or {})
        told = {status: OpenApiResponse(ErrorsSerializer, text) for status, text in sorted(faults.items())}
        return told | self.marked.answers

    def _map_basic_serializer(self, serializer, direction):
        """A body takes what is listed, and nothing besides."""
        schema = super()._map_basic_serializer(serializer, direction)
        if isinstance(serializer, Body) or (isinstance(serializer, type) and issubclass(serializer, Body)):
            schema["additionalProperties"] = False
        return schema
