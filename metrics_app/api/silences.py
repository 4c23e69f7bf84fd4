"""Silences over HTTP: listed, created, ended."""

from rest_framework import serializers

from metrics_app.api.base import RowsView
from metrics_app.api.documented import operation
from metrics_app.api.fields import Moment, RowSerializer
from metrics_app.api.params import ListQuery
from metrics_app.api.permissions import PeopleWrite
from metrics_app.api.strict import Body
from metrics_app.core.text.literals import show
from metrics_app.exceptions import BadInput
from metrics_app.models import Silence, Threshold
from metrics_app.services.silences import end_silence, save_silence
from metrics_app.services.visibility import check_named, limit_silences, limit_to_visible

LARGEST_ID = 2**63


class KnownThreshold(serializers.PrimaryKeyRelatedField):
    """The id of a threshold, refused in the words of everybody else."""

    def to_internal_value(self, data):
        """The threshold, or a fault that names the id."""
        row = None
        if type(data) is int and abs(data) < LARGEST_ID:
            row = self.get_queryset().filter(pk=data).first()
        if row is None:
            raise serializers.ValidationError(f"there is no threshold {show(data)}")
        return row


class SilenceSerializer(RowSerializer, Body):
    """A silence; every matcher that is set must fit."""

    noun = "a silence"
    author = serializers.CharField(source="author.get_username", read_only=True, allow_null=True)
    starts_at = Moment(required=False, help_text="ms, or ISO 8601 with an offset. Default: now.")
    ends_at = Moment(help_text="ms, or ISO 8601 with an offset.")
    threshold = KnownThreshold(required=False, allow_null=True, queryset=Threshold.objects.all())

    class Meta:
        model = Silence
        fields = ["id", "topic", "threshold", "severity", "starts_at", "ends_at", "days", "opens", "closes"]
        fields += ["zone", "reason", "author"]


class SilencesView(RowsView):
    """The silences one may know of: not those of a KPI one may not see."""

    permission_classes = [PeopleWrite]
    writing = {"POST": "metrics_app.add_silence", "DELETE": "metrics_app.change_silence"}
    serializer_class = SilenceSerializer
    noun = "silence"

    def get_rows(self):
        """The one that ends last first."""
        return Silence.objects.select_related("threshold__kpi", "author")

    def list_visible(self):
        """A silence names topics in several ways, so each is asked."""
        return limit_silences(self.get_rows(), self.who)


class SilenceListView(SilencesView):
    """All silences, past ones too."""

    @operation(
        "list_silences",
        "Silences, the one that ends last first",
        query=ListQuery,
        answers={200: SilenceSerializer(many=True)},
    )
    def get(self, request):
        """One page."""
        return self.answer_list()

    @operation(
        "create_silence",
        "Silence what fits; states go on as before",
        body=SilenceSerializer,
        answers={201: SilenceSerializer},
    )
    def post(self, request):
        """The new silence."""
        body = self.read_body()
        check_named(self.who, body.get("topic", ""))
        threshold = body.get("threshold")
        if threshold:
            known = limit_to_visible(Threshold.objects.filter(retired_at=None), self.who, "kpi__topic")
            if not known.filter(pk=threshold.pk).exists():
                raise BadInput(f"there is no threshold {threshold.pk}", field="threshold")
        return self.answer(save_silence(Silence(**body), by=request.user), 201)


class SilenceView(SilencesView):
    """One silence."""

    @operation("get_silence", "A silence", answers={200: SilenceSerializer})
    def get(self, request, pk):
        """The silence."""
        return self.answer(self.find(pk))

    @operation("end_silence", "End a silence now; it stays on record", answers={200: SilenceSerializer})
    def delete(self, request, pk):
        """The silence, over."""
        return self.answer(end_silence(self.find(pk)))
