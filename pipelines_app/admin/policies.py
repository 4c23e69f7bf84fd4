"""Policies, each saving in the audit chain, and who lent their seat to whom."""

from django.contrib import admin

from pipelines_app.admin.cells import ReadOnly, tell_as_told
from pipelines_app.models import Delegation, Policy
from pipelines_app.services import end_delegation
from pipelines_app.services.records import delete_record, save_record


@admin.register(Policy)
class PolicyAdmin(admin.ModelAdmin):
    """Who decides on what; each saving stands in the audit chain, and what is open keeps its terms."""

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
class DelegationAdmin(ReadOnly, admin.ModelAdmin):
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
