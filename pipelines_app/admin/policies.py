"""Policies, each saving in the audit chain, and who lent their seat to whom."""

from django import forms
from django.contrib import admin

from pipelines_app.admin.cells import ReadOnly, tell_as_told
from pipelines_app.core.guardrails import read_topics
from pipelines_app.exceptions import BadInput
from pipelines_app.lookups import OfferedLookups
from pipelines_app.meanwhile import MeanwhileAdmin, MeanwhileForm
from pipelines_app.models import Delegation, Policy
from pipelines_app.models.policies import tell_unjudged
from pipelines_app.queries.sight import sight_of
from pipelines_app.services import end_delegation
from pipelines_app.services.records import delete_record, save_record


class PolicyForm(MeanwhileForm):
    """A policy that names only what whoever writes it may see."""

    sight = None  # the page sets through whose eyes

    class Meta:
        model = Policy
        fields = "__all__"
        # In the same words whether or not the other one is shown to this person.
        error_messages = {"name": {"unique": "This name cannot be used: choose another name."}}

    def clean_topics(self):
        """ValidationError for a topic that is not there or not theirs; patterns name none."""
        topic = self.cleaned_data["topics"]
        if not self.sight.may_name(topic):
            raise forms.ValidationError(f"{topic!r} is no KPI that you may see: name one, or a pattern")
        return topic

    def clean_guardrails(self):
        """ValidationError with all that the model finds, in the words for what is not there."""
        text = self.cleaned_data["guardrails"]
        try:
            topics = read_topics(text)
        except BadInput:
            return text  # the model says why
        told = [tell_unjudged(topic, is_seen=self.sight.may_name(topic)) for topic in topics]
        if faults := list(filter(None, told)):
            raise forms.ValidationError(faults)
        return text


@admin.register(Policy)
class PolicyAdmin(MeanwhileAdmin, OfferedLookups, admin.ModelAdmin):
    """Who decides on what; each saving stands in the audit chain, and what is open keeps its terms.

    One that names a topic which is not for this person, or not there, is as one that is not there.
    """

    form = PolicyForm
    list_display = ["name", "rank", "topics", "severity", "quorum", "deciders", "decide_within", "escalation"]
    fieldsets = [
        (None, {"fields": ["name", "rank"]}),
        ("Proposals it fits", {"fields": ["topics", "severity"]}),
        ("Who decides", {"fields": ["quorum", "deciders"]}),
        ("By when", {"fields": ["decide_within", "escalation"]}),
        ("How its effect is judged", {"fields": ["settle_hours", "span_weeks", "guardrails"]}),
        ("Audit", {"fields": ["as_told"]}),
    ]
    readonly_fields = ["as_told"]

    def get_queryset(self, request):
        """Those of which this person may see every topic that they name."""
        rows, sight = super().get_queryset(request), sight_of(request.user)
        if sight.groups is None:
            return rows
        named = {policy.pk: policy.list_named() for policy in rows.only("topics", "guardrails")}
        told = {
            topic: sight.may_name(topic) for topic in {one for topics in named.values() for one in topics}
        }
        return rows.exclude(pk__in=[pk for pk, topics in named.items() if not all(map(told.get, topics))])

    def get_form(self, request, obj=None, change=False, **options):
        """Which names what this person may see."""
        form = super().get_form(request, obj, change=change, **options)
        form.sight = sight_of(request.user)
        return form

    @admin.display(description="as the audit chain tells")
    def as_told(self, policy):
        """Whether it counts as it stands here, in words."""
        return tell_as_told("policy", policy)

    def save_model(self, request, obj, form, change):
        """With its audit entry."""
        save_record(obj, by=request.user)

    def delete_model(self, request, obj):
        """With its audit entry."""
        delete_record(obj, by=request.user)

    def delete_queryset(self, request, queryset):
        """Each with its audit entry."""
        for policy in queryset:
            delete_record(policy, by=request.user)


@admin.register(Delegation)
class DelegationAdmin(ReadOnly, OfferedLookups, admin.ModelAdmin):
    """Who lent their seat to whom; to be read, and to be ended. Who lends one does so in the inbox."""

    list_display = ["id", "receiver", "giver", "starts_at", "ends_at"]
    list_filter = ["ends_at"]
    list_select_related = ["receiver", "giver"]
    search_fields = ["receiver__username", "giver__username"]
    fields = readonly_fields = ["receiver", "giver", "starts_at", "ends_at", "created_at", "as_told"]
    actions = ["end_now"]

    def has_view_permission(self, request, obj=None):
        """Also for who may end them."""
        return super().has_view_permission(request, obj) or self.has_end_permission(request)

    def has_end_permission(self, request):
        """For who may change delegations: it is the only change there is."""
        return request.user.has_perm("pipelines_app.change_delegation")

    @admin.display(description="as the audit chain tells")
    def as_told(self, delegation):
        """Whether it counts, in words."""
        return tell_as_told("delegation", delegation)

    @admin.action(description="End the chosen delegations now", permissions=["end"])
    def end_now(self, request, queryset):
        """Each with its audit entry, in the name of who ends it."""
        for delegation in queryset:
            end_delegation(delegation=delegation, by=request.user)
        self.message_user(request, "The chosen delegations are over.")
