"""Proposals as history: to be searched and read, never edited. Decisions are made in the inbox."""

import json

from django import forms
from django.contrib import admin
from django.shortcuts import redirect
from django.utils.html import format_html

from pipelines_app.cards.author import list_named
from pipelines_app.cards.facts import list_facts, write_claim, write_facts
from pipelines_app.models import AuditEntry, Decision, Delegation, Errand, Pipeline, Policy, StopSwitch
from pipelines_app.queries import may_turn, tell_program, visible_to
from pipelines_app.queries.records import tell_touched
from pipelines_app.services import end_delegation, resume, stop
from pipelines_app.services.records import delete_record, save_record
from pipelines_app.services.stop import find_or_make_switch

HASH_SHOWN = 12  # characters of a hash that people compare
TEXT_SHOWN = 48  # characters of a sentence in a cell


def shorten(text, length):
    """The beginning of a text; the whole of it is told on hovering."""
    if len(text) <= length:
        return text
    return format_html('<span title="{}">{}…</span>', text, text[:length].rstrip())


def show_hash(value):
    """The first characters of a hash, the whole of it on hovering."""
    return format_html('<code title="{}">{}…</code>', value, value[:HASH_SHOWN])


class ReadOnly:
    """Rows that nobody adds, changes or deletes here."""

    def has_add_permission(self, request, obj=None):
        """Never: services write these rows."""
        return False

    def has_change_permission(self, request, obj=None):
        """Never: services write these rows."""
        return False

    def has_delete_permission(self, request, obj=None):
        """Never: they are history."""
        return False


class DecisionInline(ReadOnly, admin.TabularInline):
    """Who voted what."""

    model = Decision
    template = "admin/pipelines_app/lines.html"
    fields = readonly_fields = ["created_at", "person", "vote", "version", "comment"]
    extra = 0

    @admin.display(description="by")
    def person(self, decision):
        """The name as it was."""
        return decision.name


class AuditInline(ReadOnly, admin.TabularInline):
    """What happened to it, from the chain."""

    model = AuditEntry
    template = "admin/pipelines_app/lines.html"
    verbose_name_plural = "audit trail"
    fields = readonly_fields = ["seq", "at", "actor", "event", "details", "link"]
    extra = 0

    @admin.display(description="details")
    def details(self, entry):
        """What the entry says, a line per field."""
        return write_facts(
            [(name.replace("_", " "), show_detail(name, value)) for name, value in entry.data.items()]
        )

    @admin.display(description="hash")
    def link(self, entry):
        """The entry's link in the chain."""
        return show_hash(entry.hash)


def show_detail(name, value):
    """A value of an audit entry for a cell."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if name.endswith("sha256"):
        return show_hash(text)
    return shorten(text.replace("_", " ") if name == "state" else text, 2 * TEXT_SHOWN)


class ErrandInline(ReadOnly, admin.TabularInline):
    """What happens later, and what came of it."""

    model = Errand
    template = "admin/pipelines_app/lines.html"
    verbose_name_plural = "what happens later"
    fields = readonly_fields = ["kind", "person", "version", "due_at", "attempts", "done_at", "result"]
    extra = 0

    @admin.display(description="for")
    def person(self, errand):
        """Whom it is for."""
        return errand.recipient or "–"

    @admin.display(description="outcome")
    def result(self, errand):
        """What came of it, or why the last attempt failed."""
        return errand.outcome or errand.error or "–"


class PipelineForm(forms.ModelForm):
    """What the fields are called; nothing is edited."""

    class Meta:
        model = Pipeline
        fields = []
        labels = {
            "topic": "KPI",
            "latest_at": "Newest value at",
            "noted": "Repeats",
            "quorum": "Approvals needed",
        }


@admin.register(Pipeline)
class PipelineAdmin(ReadOnly, admin.ModelAdmin):
    """One proposal: what was known, who decided, what came of it."""

    form = PipelineForm
    list_display = ["id", "title", "asked", "writer", "value", "severity", "state", "due_at"]
    list_display_links = ["id", "title"]
    list_filter = ["state", "severity", "topic", "restricted_to", "created_at"]
    search_fields = [
        "title",
        "suggestion",
        "topic",
        "origin",
        "proposer_name",
        "rationale",
        "decisions__comment",
    ]
    date_hierarchy = "created_at"
    ordering = ["-id"]
    inlines = [DecisionInline, ErrandInline, AuditInline]
    fieldsets = [
        (None, {"fields": ["title", "suggestion", "state", "version", "severity"]}),
        ("The KPI", {"fields": ["topic", "value", "newest", "latest_at", "noted"]}),
        ("Who and when", {"fields": ["writer", "rationale", "origin", "restricted_to", "created_at"]}),
        ("Who decides", {"fields": ["quorum", "deciders", "escalation"]}),
        ("Deadline and decision", {"fields": ["due_at", "decided_at", "action", "parameters"]}),
        ("Carried out", {"fields": ["carried_out_at", "outcome"]}),
        ("Evidence, as frozen", {"fields": ["facts", "intact", "digest", "pretty_evidence"]}),
    ]

    def get_queryset(self, request):
        """Only what this person may see on any other page."""
        rows = super().get_queryset(request).select_related("restricted_to")
        if request.user.is_superuser:
            return rows
        return rows.filter(pk__in=visible_to(request.user).values("pk"))

    @admin.display(description="suggestion", ordering="suggestion")
    def asked(self, pipeline):
        """The beginning of the suggestion."""
        return shorten(pipeline.suggestion, TEXT_SHOWN)

    @admin.display(description="proposed by", ordering="proposer_name")
    def writer(self, pipeline):
        """Who proposed it; of a program that it is one."""
        return tell_program(pipeline) or pipeline.proposer_name or "–"

    @admin.display(description="value at opening", ordering="kpi")
    def value(self, pipeline):
        """In the reader's units."""
        return write_claim(pipeline.kpi, pipeline)

    @admin.display(description="newest value")
    def newest(self, pipeline):
        """That of the newest repeat, in the reader's units."""
        return write_claim(pipeline.latest_kpi, pipeline)

    @admin.display(description="action parameters")
    def parameters(self, pipeline):
        """As JSON; a dash where there are none."""
        return format_evidence(pipeline.action_params) if pipeline.action_params else "–"

    @admin.display(description="what was known")
    def facts(self, pipeline):
        """The evidence as people read it."""
        named = [(title, said) for title, said, *_ in list_named(pipeline.evidence)]
        return write_facts(list_facts(pipeline) + named)

    @admin.display(description="unchanged")
    def intact(self, pipeline):
        """Whether the evidence still fits its hash, in words."""
        return "yes" if pipeline.evidence_intact else "no: it no longer fits its SHA-256"

    @admin.display(description="SHA-256")
    def digest(self, pipeline):
        """What the evidence must fit."""
        return show_hash(pipeline.evidence_sha256)

    @admin.display(description="all of it")
    def pretty_evidence(self, pipeline):
        """The JSON, indented and folded; columns of numbers stay on one line."""
        return format_html(
            "<details><summary>As JSON</summary><pre>{}</pre></details>", format_evidence(pipeline.evidence)
        )


def format_evidence(value, indent=""):
    """JSON with one line per field; lists of plain values stay on theirs."""
    if isinstance(value, dict) and value:
        inner = indent + "  "
        lines = [f"{inner}{json.dumps(key)}: {format_evidence(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
    if isinstance(value, list) and any(isinstance(item, dict) for item in value):
        inner = indent + "  "
        return "[\n" + ",\n".join(inner + format_evidence(item, inner) for item in value) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False)


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


def tell_as_told(name, row):
    """``yes``, or what of a row is otherwise in the audit chain; a dash for one that is not saved yet."""
    if row is None or row.pk is None:
        return "–"
    touched = tell_touched(name, row)
    return f"no: {touched}; what the chain tells counts" if touched else "yes"


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


class StopForm(forms.ModelForm):
    """Where the switch shall stand, and why."""

    class Meta:
        model = StopSwitch
        fields = ["stopped", "reason"]
        labels = {"stopped": "All actions are stopped", "by_name": "Last turned by", "at": "Last turned"}
        help_texts = {
            "stopped": "While they are, nothing that was approved begins; what has begun goes on.",
            "reason": "Everybody reads it on every page; of resuming it is kept in the audit chain.",
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "reason" in self.fields:
            # Each turn of the switch has a reason of its own.
            self.initial["reason"], self.fields["reason"].required = "", True

    def clean(self):
        """Refuses a turn to where it stands; what is stopped may be so for another reason."""
        data = super().clean()
        present = StopSwitch.objects.filter(stopped=True).first()
        stays = data.get("stopped") == (present is not None)
        if stays and (present is None or present.reason == data.get("reason")):
            raise forms.ValidationError("That is so already: nothing was changed.")
        return data


@admin.register(StopSwitch)
class StopSwitchAdmin(ReadOnly, admin.ModelAdmin):
    """One switch that holds all executions."""

    form = StopForm
    fields = ["stopped", "reason", "by_name", "at"]
    readonly_fields = ["by_name", "at"]

    def has_change_permission(self, request, obj=None):
        """For whoever may turn it."""
        return may_turn(request.user)

    def has_view_permission(self, request, obj=None):
        """For whoever may turn it, too."""
        return super().has_view_permission(request, obj) or may_turn(request.user)

    def changelist_view(self, request, extra_context=None):
        """There is one: its own page."""
        if not self.has_view_permission(request):
            return super().changelist_view(request, extra_context)
        return redirect("admin:pipelines_app_stopswitch_change", find_or_make_switch().pk)

    def save_model(self, request, obj, form, change):
        """By the service, which knows who and writes it into the chain."""
        turn = stop if form.cleaned_data["stopped"] else resume
        turn(reason=form.cleaned_data["reason"], by=request.user)
