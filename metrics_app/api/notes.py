"""Notes on the time axis over HTTP: read by all who see the KPI, written by people among them."""

from django.shortcuts import get_object_or_404
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from metrics_app.api.fields import Text, Whole
from metrics_app.api.pagination import ListPagination
from metrics_app.api.params import refuse_parameters
from metrics_app.api.permissions import CanRead, identify
from metrics_app.api.schema import ErrorsSerializer
from metrics_app.core.moments import parse_moment
from metrics_app.core.points import check_topic
from metrics_app.exceptions import BadInput
from metrics_app.models import Note
from metrics_app.queries import redis_now
from metrics_app.queries.notes import with_versions
from metrics_app.registry import get_kpi, may_read
from metrics_app.services.notes import delete_note, save_note
from metrics_app.services.visibility import limit_to_visible

WRITTEN = ("topic", "at", "until", "text")
REFUSED = {
    400: OpenApiResponse(ErrorsSerializer, "What is wrong, by field."),
    401: OpenApiResponse(ErrorsSerializer, "Not logged in and no valid key."),
    403: OpenApiResponse(ErrorsSerializer, "Keys read notes, people write them."),
    404: OpenApiResponse(ErrorsSerializer, "No such note, or not for you."),
}
STALE = {409: OpenApiResponse(ErrorsSerializer, "It was changed since the version given.")}


class NoteSerializer(serializers.ModelSerializer):
    """A note; its times in ms."""

    author = serializers.CharField(source="author.username", read_only=True, default=None)

    changed_by = serializers.CharField(read_only=True, default=None)
    version = serializers.IntegerField(read_only=True, help_text="How many wordings are on record.")

    class Meta:
        model = Note
        fields = ["id", *WRITTEN, "author", "changed_by", "version", "created_at"]


class WriteNoteSerializer(serializers.Serializer):
    """What a note says."""

    topic = Text(help_text="Of a KPI you may see; it stays as it is when a note is changed.")
    text = Text(max_length=300)
    at = Text(required=False, help_text="ms, ISO 8601 with an offset, or -3600 (seconds ago). Default: now.")
    until = Text(required=False, help_text="As at; null or left out: a moment.")


class ChangeNoteSerializer(WriteNoteSerializer):
    """What a note says from now on."""

    version = Whole(required=False, help_text="The one you read: 409 if it was changed since.")


class PeopleWrite(CanRead):
    """Reading as everywhere; writing with a session only."""

    message = "Keys read notes; people write them."

    def has_permission(self, request, view):
        """Whether the method is allowed."""
        if request.method == "GET" or not request.user.is_authenticated:
            return super().has_permission(request, view)
        return identify(request).kind == "user"


def list_visible(request):
    """The notes of the KPIs one may see."""
    rows = with_versions(Note.objects.filter(deleted_at=None).select_related("author"))
    return limit_to_visible(rows, identify(request), "topic")


def fill(note, data, who):
    """The note with what the body says; BadInput by field."""
    if not isinstance(data, dict):
        raise BadInput("expected a JSON object")
    for name, value in data.items():
        if name == "version" and note.pk:
            continue
        if name not in WRITTEN or (name == "topic" and note.pk and value != note.topic):
            raise BadInput("is no field of a note that can be set", field=str(name)[:100])
    if note.pk is None:
        note.topic = read_topic(data.get("topic"), who)
    if "text" in data or note.pk is None:
        note.text = read_text(data.get("text"))
    for name in ("at", "until"):
        if name in data or (name == "at" and note.at is None):
            setattr(note, name, read_moment(name, data.get(name, "-0")))
    return note


def read_version(data):
    """The version a writer knew of, or None; BadInput for what is no whole number."""
    version = data.get("version")
    if version is None or (isinstance(version, int) and not isinstance(version, bool)):
        return version
    if isinstance(version, str) and version.isascii() and version.isdecimal() and len(version) < 10:
        return int(version)
    raise BadInput("expected the version of the note as it was read, such as 1", field="version")


def read_topic(topic, who):
    """A topic of a KPI that ``who`` may see, or BadInput: the same where there is none."""
    if not isinstance(topic, str):
        raise BadInput("is required: the topic of a KPI", field="topic")
    if not may_read(who, check_topic(topic)) or get_kpi(topic) is None:
        raise BadInput("is no KPI that you may see", field="topic")
    return topic


def read_text(text):
    """The text, or BadInput."""
    if not isinstance(text, str):
        raise BadInput("expected text that says what happened", field="text")
    return text


def read_moment(name, value):
    """A time in ms, or None where a note has no end; BadInput."""
    if value is None and name == "until":
        return None
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        raise BadInput("expected ms, ISO 8601 with an offset, or seconds ago such as -3600", field=name)
    return parse_moment(str(value), now=redis_now(), field=name)


class NoteListView(APIView):
    """The notes of all KPIs."""

    permission_classes = [PeopleWrite]

    @extend_schema(
        operation_id="list_notes",
        summary="Notes on the time axis",
        parameters=[
            OpenApiParameter("topic", str),
            OpenApiParameter("limit", int),
            OpenApiParameter("offset", int),
        ],
        responses={200: NoteSerializer(many=True)} | REFUSED,
    )
    def get(self, request):
        """One page, newest first."""
        refuse_parameters(request.query_params, "topic")
        rows, topic = list_visible(request).order_by("-at", "-id"), request.query_params.get("topic")
        if topic is not None:
            rows = rows.filter(topic=check_topic(topic))
        pages = ListPagination()
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(NoteSerializer(page, many=True).data)

    @extend_schema(
        operation_id="create_note",
        summary="Write a note on the time axis of a KPI",
        request=WriteNoteSerializer,
        responses={201: NoteSerializer} | REFUSED,
    )
    def post(self, request):
        """The new note."""
        note = save_note(fill(Note(at=None), request.data, identify(request)), by=request.user)
        return Response(NoteSerializer(note).data, status=201)


class NoteView(APIView):
    """One note."""

    permission_classes = [PeopleWrite]

    @extend_schema(operation_id="get_note", summary="A note", responses={200: NoteSerializer} | REFUSED)
    def get(self, request, pk):
        """The note."""
        return Response(NoteSerializer(get_object_or_404(list_visible(request), pk=pk)).data)

    @extend_schema(
        operation_id="change_note",
        summary="Change a note; what it said before stays on record",
        request=ChangeNoteSerializer,
        responses={200: NoteSerializer} | REFUSED | STALE,
    )
    def patch(self, request, pk):
        """The note after it."""
        note = fill(get_object_or_404(list_visible(request), pk=pk), request.data, identify(request))
        save_note(note, by=request.user, version=read_version(request.data))
        return Response(NoteSerializer(list_visible(request).get(pk=pk)).data)

    @extend_schema(
        operation_id="delete_note",
        summary="Take a note off the charts; it stays on record",
        parameters=[
            OpenApiParameter("version", int, description="The one you read: 409 if it was changed since.")
        ],
        responses={204: None} | REFUSED | STALE,
    )
    def delete(self, request, pk):
        """Nothing."""
        refuse_parameters(request.query_params, "version")
        note = get_object_or_404(list_visible(request), pk=pk)
        delete_note(note, by=request.user, version=read_version(request.query_params))
        return Response(status=204)
