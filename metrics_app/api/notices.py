"""Notices over HTTP: who was told of what, when, and what came of it. Read only."""

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from metrics_app.api.base import RowsView
from metrics_app.api.documented import operation
from metrics_app.api.fields import RowSerializer
from metrics_app.api.params import LARGEST_ID, ListQuery, TopicParam, WholeParam, WordParam
from metrics_app.core.notices import tell_failure
from metrics_app.models import Notice

NOTICE_OUTCOMES = ["waiting", *Notice.Outcome.values]


class NoticeSerializer(RowSerializer):
    """One notice; ``at`` in ms, ``outcome`` waiting, sent, withheld or failed.

    ``reason`` says why it is withheld or failed, without the hosts that the admin names.
    """

    receiver = serializers.CharField(source="told", read_only=True)
    topic = serializers.CharField(source="breach.threshold.kpi.topic", read_only=True)
    outcome = serializers.SerializerMethodField()
    reason = serializers.SerializerMethodField()

    class Meta:
        model = Notice
        fields = [
            *("id", "receiver", "breach", "topic", "event", "at", "value", "text", "created_at"),
            *("attempts", "outcome", "done_at", "reason", "message"),
        ]
        read_only_fields = fields

    @extend_schema_field(serializers.ChoiceField(NOTICE_OUTCOMES))
    def get_outcome(self, notice):
        """In one word."""
        return notice.outcome or "waiting"

    def get_reason(self, notice) -> str:
        """In words."""
        if notice.outcome == Notice.Outcome.FAILED:
            return tell_failure(notice.error, notice.attempts)
        return notice.error if notice.outcome == Notice.Outcome.WITHHELD else ""


class OutcomeParam(WordParam):
    """An outcome by its word; what waits has none yet."""

    def read(self, text):
        """The outcome as it is stored."""
        word = super().read(text)
        return "" if word == "waiting" else word


class NoticeQuery(ListQuery):
    """Which notices."""

    breach = WholeParam(1, LARGEST_ID)
    topic = TopicParam(source="breach__threshold__kpi__topic", required=False)
    outcome = OutcomeParam(NOTICE_OUTCOMES, required=False)


class NoticeListView(RowsView):
    """All notices."""

    serializer_class = NoticeSerializer
    topic_path = "breach__threshold__kpi__topic"
    noun = "notice"

    def get_rows(self):
        """Newest first; tests of a receiver concern nobody else."""
        rows = Notice.objects.filter(breach__isnull=False)
        return rows.select_related("receiver", "breach__threshold__kpi")

    @operation(
        "list_notices",
        "Who was told of which breach, and what came of it, newest first",
        query=NoticeQuery,
        answers={200: NoticeSerializer(many=True)},
    )
    def get(self, request):
        """One page."""
        return self.answer_list()
