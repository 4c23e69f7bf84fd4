"""Notes on the time axis over HTTP: read by all who see the KPI, written by people among them."""

from rest_framework import serializers
from rest_framework.response import Response

from metrics_app.api.base import RowsView
from metrics_app.api.documented import operation
from metrics_app.api.fields import Instant, RowSerializer, Text, Whole
from metrics_app.api.params import LARGEST_ID, ListQuery, Query, TopicParam, WholeParam
from metrics_app.api.permissions import PeopleWrite
from metrics_app.api.strict import Body
from metrics_app.core.points import check_topic
from metrics_app.exceptions import BadInput
from metrics_app.models import Note
from metrics_app.queries.notes import with_versions
from metrics_app.services.notes import delete_note, save_note
from metrics_app.services.visibility import check_named

STALE = {409: "It was changed, or deleted, since the version given."}


class NoteSerializer(RowSerializer):
    """A note; its times in ms."""

    author = serializers.CharField(source="author.get_username", read_only=True, allow_null=True)
    changed_by = serializers.CharField(read_only=True, allow_null=True, default=None)
    version = serializers.IntegerField(read_only=True, help_text="How many wordings are on record.")

    class Meta:
        model = Note
        fields = ["id", "topic", "at", "until", "text", "author", "changed_by", "version", "created_at"]


class WriteNoteSerializer(Body):
    """What a note says."""

    noun = "a note"
    topic = Text(help_text="Of a KPI you may see; it stays as it is when a note is changed.")
    text = Text(max_length=300)
    at = Instant(
        required=False, help_text="ms, ISO 8601 with an offset, or -3600 (seconds ago). Default: now."
    )
    until = Instant(required=False, allow_null=True, help_text="As at; null or left out: a moment.")


class ChangeNoteSerializer(WriteNoteSerializer):
    """What a note says from now on."""

    version = Whole(
        required=False, allow_null=True, help_text="The one you read: 409 if it was changed since."
    )


class NoteQuery(ListQuery):
    """Which notes."""

    topic = TopicParam(required=False)


class VersionQuery(Query):
    """What a deletion was decided on."""

    version = WholeParam(0, LARGEST_ID, help_text="The one you read: 409 if it was changed since.")


class NotesView(RowsView):
    """The notes of the KPIs one may see."""

    permission_classes = [PeopleWrite]
    writing = {"POST": None, "PATCH": None, "DELETE": None}
    serializer_class = NoteSerializer
    topic_path = "topic"
    noun = "note"

    def get_rows(self):
        """Newest first."""
        rows = Note.objects.filter(deleted_at=None).select_related("author")
        return with_versions(rows).order_by("-at", "-id")


class NoteListView(NotesView):
    """The notes of all KPIs."""

    @operation(
        "list_notes", "Notes on the time axis", query=NoteQuery, answers={200: NoteSerializer(many=True)}
    )
    def get(self, request):
        """One page, newest first."""
        return self.answer_list()

    @operation(
        "create_note",
        "Write a note on the time axis of a KPI",
        body=WriteNoteSerializer,
        answers={201: NoteSerializer},
    )
    def post(self, request):
        """The new note."""
        body = {"at": self.now} | self.read_body()
        check_named(self.who, check_topic(body["topic"]))
        return self.answer(save_note(Note(**body), by=request.user), 201)


class NoteView(NotesView):
    """One note."""

    @operation("get_note", "A note", answers={200: NoteSerializer})
    def get(self, request, pk):
        """The note."""
        return self.answer(self.find(pk))

    @operation(
        "change_note",
        "Change a note; what it said before stays on record",
        body=ChangeNoteSerializer,
        answers={200: NoteSerializer},
        faults=STALE,
    )
    def patch(self, request, pk):
        """The note after it."""
        note, body = self.find(pk), self.read_body()
        if body.pop("topic", note.topic) != note.topic:
            raise BadInput(f"stays as it is: expected {note.topic!r}, or nothing", field="topic")
        version = body.pop("version", None)
        for name, value in body.items():
            setattr(note, name, value)
        save_note(note, by=request.user, version=version)
        return self.answer(self.find(pk))

    @operation(
        "delete_note",
        "Take a note off the charts; it stays on record",
        query=VersionQuery,
        answers={204: None},
        faults=STALE,
    )
    def delete(self, request, pk):
        """Nothing."""
        delete_note(self.find(pk), by=request.user, version=self.query.get("version"))
        return Response(status=204)
