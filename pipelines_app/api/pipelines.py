"""Proposals over HTTP: read, propose, decide. GET never decides."""

from django.http import Http404
from rest_framework.response import Response

from pipelines_app import queries, services
from pipelines_app.api import access, shapes, taken
from pipelines_app.api.base import ApiView, operation
from pipelines_app.core.states import State

MAX_ID = 2**63 - 1
RELATED = ("restricted_to", "deciders", "escalation")


class PipelinesView(ApiView):
    """What all addresses share: which proposals exist for whom, and how one is answered."""

    def get_queryset(self):
        """What the caller may see, newest first."""
        return access.list_visible(self.request).select_related(*RELATED)

    def find(self, pk):
        """The proposal, or 404 whether it is unknown or hidden."""
        pipeline = self.get_queryset().filter(pk=pk).first() if pk <= MAX_ID else None
        if pipeline is None:
            raise Http404(f"There is no proposal #{pk}, or you may not see it.")
        return pipeline

    def answer(self, pipeline, status=200):
        """The whole proposal."""
        person = None if access.is_key(self.request) else self.request.user
        queries.look(pipeline, access.find_sight(self.request))
        context = {"person": person, "visible": access.list_visible(self.request), "pipeline": pipeline}
        return Response(shapes.PipelineSerializer(pipeline, context=context).data, status=status)


class PipelineList(PipelinesView):
    """The inbox, and the door for new proposals."""

    def get_permissions(self):
        """Reading and proposing ask for different scopes."""
        return [access.CanPropose()] if self.request.method == "POST" else super().get_permissions()

    @operation("list_pipelines", query=taken.PipelineQuery, answers={200: shapes.RowSerializer(many=True)})
    def get(self, request):
        """Proposals, newest first; with ``?state=awaiting_approval`` as in the inbox: most urgent first."""
        rows = filter_rows(self.get_queryset(), self.query).defer(*queries.HEAVY)
        rows = rows.prefetch_related("decisions")
        if self.query.get("state") == [State.AWAITING_APPROVAL]:
            rows = queries.list_inbox(rows)
        pages = self.pagination_class(self.query)
        page = pages.paginate_queryset(rows, request, view=self)
        return pages.get_paginated_response(shapes.RowSerializer(page, many=True).data)

    @operation(
        "propose",
        body=taken.ProposeSerializer,
        answers={200: shapes.PipelineSerializer, 201: shapes.PipelineSerializer},
    )
    def post(self, request):
        """Opens a proposal (201), or notes the newer value on the open one of its title and topic (200)."""
        body = self.read_body()
        access.refuse_proposing(request, body["topic"])
        access.refuse_action(request, body["action"])
        named = body.pop("evidence")
        pipeline, created = services.propose(
            **body,
            **describe_proposer(request),
            named=named,
            sight=access.find_sight(request),
            visible=self.get_queryset(),
        )
        return self.answer(pipeline, 201 if created else 200)


def describe_proposer(request):
    """Who proposes: a person, or a program by the name of its key.

    Whoever made the key holds it, and never decides on what it proposes.
    """
    if not access.is_key(request):
        return {"proposer": request.user, "reader": request.user}
    name = getattr(request.auth, "name", "") or "without a name"
    maker = access.find_maker(request.auth)
    return {"proposer": maker, "proposer_name": f"key {name}", "program": name, "reader": request.auth}


def filter_rows(rows, query):
    """The rows that ``?state=``, ``?severity=`` and ``?topic=`` leave."""
    if "state" in query:
        rows = rows.filter(state__in=query["state"])
    return rows.filter(**{name: query[name] for name in ("severity", "topic") if name in query})


class PipelineDetail(PipelinesView):
    """One proposal."""

    @operation("get_pipeline", answers={200: shapes.PipelineSerializer}, faults=(404,))
    def get(self, request, pk):
        """The proposal with its evidence, votes and audit."""
        return self.answer(self.find(pk))


class Deciding(PipelinesView):
    """What the addresses that change a proposal share: people only, with the version they saw."""

    def act(self, request, pk, service):
        """Calls ``service`` with the checked body; the proposal as it stands then."""
        access.refuse_keys(request)
        pipeline = self.find(pk)
        service(pipeline=pipeline, by=request.user, **self.read_body())
        return self.answer(self.find(pk))


def deciding(name, body):
    """The mark of a method that decides."""
    return operation(name, body=body, answers={200: shapes.PipelineSerializer}, faults=(404, 409))


class Approve(Deciding):
    """Say yes."""

    @deciding("approve_pipeline", taken.ApproveSerializer)
    def post(self, request, pk):
        """One approval; a second click of the same person changes nothing."""
        return self.act(request, pk, services.approve)


class Reject(Deciding):
    """Say no, and why."""

    @deciding("reject_pipeline", taken.RejectSerializer)
    def post(self, request, pk):
        """Ends the proposal, for good or until what is named with `unless` has come."""
        return self.act(request, pk, services.reject)


class Withdraw(Deciding):
    """Take it back, and say why."""

    @deciding("withdraw_pipeline", taken.ReasonSerializer)
    def post(self, request, pk):
        """For its proposer and for people who may decide, until it has begun, and of what failed."""
        return self.act(request, pk, services.withdraw)


class Change(Deciding):
    """Suggest something else."""

    @deciding("change_pipeline", taken.ChangeSerializer)
    def post(self, request, pk):
        """Makes a new version, for others to decide; votes on the old one no longer count."""
        return self.act(request, pk, services.change_suggestion)


class Undo(Deciding):
    """Take one's approval back."""

    @deciding("undo_pipeline", taken.VersionBody)
    def post(self, request, pk):
        """For whoever approved it, until it is carried out: it waits again, as a new version."""
        return self.act(request, pk, services.undo)


class Confirm(Deciding):
    """Say that a manual step was done."""

    @deciding("confirm_pipeline", taken.ConfirmSerializer)
    def post(self, request, pk):
        """With the day on which it was done, from the approval to today."""
        return self.act(request, pk, services.confirm)


class Fail(Deciding):
    """Say that it could not be done, and why."""

    @deciding("fail_pipeline", taken.ReasonSerializer)
    def post(self, request, pk):
        """Of a manual step, or of an action that waits for another attempt."""
        return self.act(request, pk, services.fail)


class Retry(Deciding):
    """Try again what failed."""

    @deciding("retry_pipeline", taken.VersionBody)
    def post(self, request, pk):
        """Under the same key, so that what was done already is not done twice."""
        return self.act(request, pk, services.retry)


class Close(Deciding):
    """Close an effect that proved nothing."""

    @deciding("close_pipeline", taken.ReasonSerializer)
    def post(self, request, pk):
        """Of an inconclusive one, with a reason; the verdict stays."""
        return self.act(request, pk, services.close)
