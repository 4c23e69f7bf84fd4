"""Proposals over HTTP: read, propose, decide. GET never decides."""

from django.http import Http404
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.generics import GenericAPIView
from rest_framework.pagination import LimitOffsetPagination
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import set_rollback

from pipelines_app import queries, services
from pipelines_app.api import access, shapes
from pipelines_app.api.parsing import SmallJSONParser
from pipelines_app.core import fields
from pipelines_app.core.states import State
from pipelines_app.exceptions import BadInput, Conflict, NotAllowed, PipelinesError, TooLarge

STATUS = {BadInput: 400, NotAllowed: 403, Conflict: 409, TooLarge: 413}
MAX_ID = 2**63 - 1
ERRORS = shapes.PipelineErrorsSerializer
FAULTS = {400: ERRORS, 401: ERRORS, 403: ERRORS, 413: ERRORS, 415: ERRORS}
# Where the paginations of REST framework keep the names of their parameters.
PAGING = (
    *("limit_query_param", "offset_query_param", "page_query_param", "page_size_query_param"),
    "cursor_query_param",
)
FILTERS = [
    OpenApiParameter("state", str, enum=[state.value for state in State], many=True),
    OpenApiParameter("severity", str, enum=fields.SEVERITIES),
    OpenApiParameter("topic", str),
]


class PipelinesView(GenericAPIView):
    """What all addresses share: who may come in, what they may send, how faults are told."""

    permission_classes = [access.CanSeeProposals]
    parser_classes = [SmallJSONParser]
    serializer_class = shapes.PipelineSerializer
    filter_backends = []

    def handle_exception(self, error):
        """This app's errors in the contract's shape; the rest as the project does it."""
        if not isinstance(error, PipelinesError):
            return super().handle_exception(error)
        set_rollback()
        status = next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 409)
        body = {"errors": getattr(error, "errors", None) or [{"field": None, "message": str(error)}]}
        if isinstance(error, Conflict):
            body |= describe_conflict(error)
        return Response(body, status=status)

    def get_queryset(self):
        """What the caller may see, newest first."""
        return access.list_visible(self.request).select_related("restricted_to")

    def find(self, pk):
        """The proposal, or 404 whether it is unknown or hidden."""
        pipeline = self.get_queryset().filter(pk=pk).first() if pk <= MAX_ID else None
        if pipeline is None:
            raise Http404(f"There is no proposal #{pk}, or you may not see it.")
        return pipeline

    def answer(self, pipeline, status=200):
        """The whole proposal."""
        person = None if access.is_key(self.request) else self.request.user
        context = {"person": person, "visible": access.list_visible(self.request)}
        return Response(shapes.PipelineSerializer(pipeline, context=context).data, status=status)


def describe_conflict(error):
    """How the proposal stands now, and the vote that was first."""
    decision = error.decision and shapes.DecisionSerializer(error.decision).data
    return {"state": error.pipeline.state, "version": error.pipeline.version, "decision": decision}


class HundredPerPage(LimitOffsetPagination):
    """For projects that have no pagination of their own."""

    default_limit = 100
    max_limit = 1000


class PipelineList(PipelinesView):
    """The inbox, and the door for new proposals."""

    pagination_class = api_settings.DEFAULT_PAGINATION_CLASS or HundredPerPage

    def get_permissions(self):
        """Reading and proposing ask for different scopes."""
        return [access.CanPropose()] if self.request.method == "POST" else super().get_permissions()

    @extend_schema(
        operation_id="list_pipelines",
        parameters=FILTERS,
        responses={200: shapes.RowSerializer(many=True)} | FAULTS,
    )
    def get(self, request):
        """Proposals, newest first; with ``?state=awaiting_approval`` as in the inbox: most urgent first."""
        refuse_parameters(request.query_params, self.paginator)
        rows = filter_rows(self.get_queryset(), request.query_params).defer(*queries.HEAVY)
        rows = rows.prefetch_related("decisions")
        if request.query_params.getlist("state") == [State.AWAITING_APPROVAL]:
            rows = queries.list_inbox(rows)
        page = self.paginate_queryset(rows)
        return self.get_paginated_response(shapes.RowSerializer(page, many=True).data)

    @extend_schema(
        operation_id="propose",
        request=shapes.ProposeSerializer,
        responses={200: shapes.PipelineSerializer, 201: shapes.PipelineSerializer} | FAULTS,
    )
    def post(self, request):
        """Opens a proposal (201), or notes the newer value on the open one of its title and topic (200)."""
        body = fields.check_known(request.data, required=("title", "suggestion", "kpi"), optional=("topic",))
        topic = fields.check_topic(body.get("topic", ""))
        access.refuse_proposing(request, topic)
        pipeline, created = services.propose(
            title=body["title"],
            suggestion=body["suggestion"],
            kpi=body["kpi"],
            topic=topic,
            **describe_proposer(request),
        )
        if not self.get_queryset().filter(pk=pipeline.pk).exists():
            raise NotAllowed("A proposal of this title is open already, and restricted to a group.")
        return self.answer(pipeline, 201 if created else 200)


def describe_proposer(request):
    """Who proposes: a person, or a key by its name."""
    if access.is_key(request):
        return {"proposer_name": f"key {getattr(request.auth, 'name', '')}".strip()}
    return {"proposer": request.user}


def refuse_parameters(params, paginator):
    """BadInput for every unknown parameter: a misspelt filter must not show all."""
    paging = [getattr(paginator, name, None) for name in PAGING]
    known = [*(option.name for option in FILTERS), *filter(None, paging), api_settings.URL_FORMAT_OVERRIDE]
    errors = [
        {
            "field": fields.make_printable(name),
            "message": f"unknown parameter: expected {', '.join(filter(None, known))}",
        }
        for name in params
        if name not in known
    ]
    if errors:
        raise BadInput(errors[0]["message"], errors=errors[:20])


def filter_rows(rows, params):
    """The rows that ``?state=``, ``?severity=`` and ``?topic=`` leave; BadInput names the wrong one."""
    states = [text for text in params.getlist("state") if text]
    for text in states:
        fields.check_choice(text, tuple(State), field="state")
    if states:
        rows = rows.filter(state__in=states)
    if params.get("severity"):
        severity = fields.check_choice(params["severity"], fields.SEVERITIES, field="severity")
        rows = rows.filter(severity=severity)
    if params.get("topic"):
        rows = rows.filter(topic=fields.check_topic(params["topic"]))
    return rows


class PipelineDetail(PipelinesView):
    """One proposal."""

    @extend_schema(
        operation_id="get_pipeline", responses={200: shapes.PipelineSerializer, 404: ERRORS} | FAULTS
    )
    def get(self, request, pk):
        """The proposal with its evidence, votes and audit."""
        return self.answer(self.find(pk))


class Deciding(PipelinesView):
    """What the addresses that change a proposal share: people only, with the version they saw."""

    required = ("version",)
    optional = ("comment",)

    def act(self, request, pk, service):
        """Calls ``service`` with the checked body; the proposal as it stands then."""
        access.refuse_keys(request)
        pipeline = self.find(pk)
        body = fields.check_known(request.data, required=self.required, optional=self.optional)
        service(pipeline=pipeline, by=request.user, **body)
        return self.answer(self.find(pk))


def document(operation, body):
    """The OpenAPI description of an address that decides."""
    answers = {200: shapes.PipelineSerializer, 404: ERRORS, 409: ERRORS} | FAULTS
    return extend_schema(operation_id=operation, request=body, responses=answers)


class Approve(Deciding):
    """Say yes."""

    @document("approve_pipeline", shapes.ApproveSerializer)
    def post(self, request, pk):
        """One approval; a second click of the same person changes nothing."""
        return self.act(request, pk, services.approve)


class Reject(Deciding):
    """Say no, and why."""

    required = ("version", "comment")
    optional = ()

    @document("reject_pipeline", shapes.RejectSerializer)
    def post(self, request, pk):
        """Ends the proposal."""
        return self.act(request, pk, services.reject)


class Withdraw(Deciding):
    """Take it back, and say why."""

    required = ("version", "comment")
    optional = ()

    @document("withdraw_pipeline", shapes.RejectSerializer)
    def post(self, request, pk):
        """For its proposer and for people who may decide, until it is carried out."""
        return self.act(request, pk, services.withdraw)


class Change(Deciding):
    """Suggest something else."""

    required = ("version", "suggestion")

    @document("change_pipeline", shapes.ChangeSerializer)
    def post(self, request, pk):
        """Makes a new version, for others to decide; votes on the old one no longer count."""
        return self.act(request, pk, services.change_suggestion)
