"""Delegations over HTTP: for people who decide, about their own seat, as on the page."""

from django.http import Http404
from rest_framework import serializers
from rest_framework.response import Response

from pipelines_app import queries, services
from pipelines_app.api import access, taken
from pipelines_app.api.base import ApiView, operation
from pipelines_app.api.shapes import MillisecondsField
from pipelines_app.exceptions import BadInput, NotAllowed
from pipelines_app.models import Delegation


class DelegationSerializer(serializers.ModelSerializer):
    """Whose seat somebody fills, from when until when."""

    giver = serializers.CharField(source="giver_name")
    receiver = serializers.CharField(source="receiver_name")
    starts_at = MillisecondsField()
    ends_at = MillisecondsField()
    touched = serializers.CharField(
        help_text="Why it does not count: what of it is otherwise in the audit chain; empty where it counts."
    )

    class Meta:
        model = Delegation
        fields = ["id", "giver", "receiver", "starts_at", "ends_at", "touched"]


class DelegationsView(ApiView):
    """What both addresses share: people only, and only those who decide."""

    def refuse_strangers(self):
        """NotAllowed for keys, and for who has no seat to lend."""
        access.refuse_keys(self.request)
        if not queries.may_decide_any(self.request.user):
            raise NotAllowed("You do not decide on proposals: there is nothing to delegate.")

    def answer(self, row, status=200):
        """One delegation as it stands."""
        row = queries.find_delegation(self.request.user, str(row.pk))
        return Response(DelegationSerializer(row).data, status=status)


class DelegationList(DelegationsView):
    """One's own delegations, and the door for new ones."""

    @operation("list_delegations", query=taken.ListQuery, answers={200: DelegationSerializer(many=True)})
    def get(self, request):
        """What you have lent and borrowed and what is not over: first what you lent."""
        self.refuse_strangers()
        given, received = queries.list_delegations(request.user)
        pages = self.pagination_class(self.query)
        page = pages.paginate_queryset([*given, *received], request, view=self)
        return pages.get_paginated_response(DelegationSerializer(page, many=True).data)

    @operation("delegate", body=taken.DelegateSerializer, answers={201: DelegationSerializer})
    def post(self, request):
        """Lends your seat; 400 where the two of you have a delegation already that shares a moment."""
        self.refuse_strangers()
        body = self.read_body()
        to = queries.find_permitted_by_name(body.pop("to"))
        return self.answer(services.delegate(by=request.user, to=to, **body), 201)


class DelegationDetail(DelegationsView):
    """One delegation of one's own."""

    @operation("end_delegation", answers={200: DelegationSerializer}, faults=(404,))
    def delete(self, request, pk):
        """Ends it now; it stays on record. A second time changes nothing."""
        self.refuse_strangers()
        try:
            row = queries.find_delegation(request.user, str(pk))
        except BadInput:
            raise Http404(f"There is no delegation #{pk} of yours.") from None
        return self.answer(services.end_delegation(delegation=row, by=request.user))
