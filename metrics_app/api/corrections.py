"""Corrections over HTTP: spans of history that people have voided, and restored."""

from functools import cached_property

from rest_framework import serializers
from rest_framework.response import Response

from metrics_app.api.base import RowsView
from metrics_app.api.documented import operation
from metrics_app.api.fields import Instant, RowSerializer, Text
from metrics_app.api.params import ListQuery, TopicParam
from metrics_app.api.permissions import PeopleWrite
from metrics_app.api.strict import Body
from metrics_app.models import Correction
from metrics_app.queries import redis_now
from metrics_app.services.corrections import restore, void


class CorrectionSerializer(RowSerializer):
    """A voided span; times of the span in ms."""

    author = serializers.CharField(source="author.get_username", read_only=True, allow_null=True)
    restored_by = serializers.CharField(source="restored_by.get_username", read_only=True, allow_null=True)

    class Meta:
        model = Correction
        fields = [
            *("id", "topic", "start", "end", "reason", "author", "created_at"),
            *("restored_by", "restored_at", "restore_reason"),
        ]


class VoidedSerializer(CorrectionSerializer):
    """The new correction, and how many points it took out of the figures."""

    points = serializers.IntegerField(help_text="Points that counted until now.")

    class Meta(CorrectionSerializer.Meta):
        fields = [*CorrectionSerializer.Meta.fields, "points"]


class VoidSerializer(Body):
    """What to void."""

    noun = "a correction"
    topic = Text()
    start = Instant(help_text="ms, ISO 8601 with an offset, or -3600 (seconds ago); a whole minute is taken.")
    end = Instant(help_text="As start.")
    reason = Text(max_length=500)


class RestoreSerializer(Body):
    """Why the span counts again."""

    noun = "a restoration"
    reason = Text(max_length=500)


class CorrectionQuery(ListQuery):
    """Which corrections."""

    topic = TopicParam(required=False)


class CorrectionsView(RowsView):
    """Corrections of the topics one may see; correcting is for people with the permission."""

    permission_classes = [PeopleWrite]
    writing = {"POST": "metrics_app.correct_history"}
    serializer_class = CorrectionSerializer
    topic_path = "topic"
    noun = "correction"

    @cached_property
    def now(self):
        """ms, of the clock that decides which points are in."""
        return redis_now()

    def get_rows(self):
        """Newest first."""
        return Correction.objects.select_related("author", "restored_by")


class CorrectionListView(CorrectionsView):
    """All corrections."""

    @operation(
        "list_corrections",
        "Spans of history that were voided",
        query=CorrectionQuery,
        answers={200: CorrectionSerializer(many=True)},
    )
    def get(self, request):
        """One page, newest first."""
        return self.answer_list()

    @operation(
        "void_span",
        "Void a span of a topic: it counts nowhere from now on",
        body=VoidSerializer,
        answers={201: VoidedSerializer},
    )
    def post(self, request):
        """The new correction."""
        body = self.read_body()
        row = void(**body, by=request.user, who=self.who, now=self.now)
        return Response(VoidedSerializer(row).data, status=201)


class RestoreView(CorrectionsView):
    """Restoring one correction."""

    @operation(
        "restore_span",
        "Let a voided span count again",
        body=RestoreSerializer,
        answers={200: CorrectionSerializer},
        faults={409: "It is restored already."},
    )
    def post(self, request, pk):
        """The correction after it."""
        return self.answer(restore(correction=self.find(pk), **self.read_body(), by=request.user))
