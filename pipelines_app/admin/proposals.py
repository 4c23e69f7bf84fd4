"""Proposals as history: to be searched and read, never edited. Decisions are made in the inbox."""

import json

from django import forms
from django.contrib import admin
from django.utils.html import format_html

from pipelines_app.admin.cells import TEXT_SHOWN, ReadOnly, format_evidence, shorten, show_hash
from pipelines_app.cards.author import list_named
from pipelines_app.cards.facts import list_facts, write_claim, write_facts
from pipelines_app.lookups import OfferedLookups
from pipelines_app.models import AuditEntry, Decision, Errand, Pipeline
from pipelines_app.queries import look, show_entry, show_parts, sight_of, tell_program, visible_to


class TopicFilter(admin.AllValuesFieldListFilter):
    """The topics there are; a proposal without one has words too, where Django would write an empty link."""

    def choices(self, changelist):
        """All, then each topic."""
        for choice in super().choices(changelist):
            yield choice | {"display": choice["display"] or "without a topic"}


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

    def get_queryset(self, request):
        """The entries but the repeats; an inline belongs to one request, whose reader sees what they may."""
        self.sight = sight_of(request.user)
        return super().get_queryset(request).only_moves().select_related("pipeline")

    @admin.display(description="details")
    def details(self, entry):
        """What the entry says, a line per field, without what its reader may not see."""
        shown = show_entry(look(entry.pipeline, self.sight), entry.data)
        return write_facts(
            [(name.replace("_", " "), show_detail(name, value)) for name, value in shown.items()]
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


class OwnGroupFilter(admin.RelatedFieldListFilter):
    """By the groups of the proposals that this person may see."""

    def field_choices(self, field, request, model_admin):
        """``[(pk, name)]``."""
        shown = model_admin.get_queryset(request).order_by().values(field.name)
        groups = field.related_model.objects.filter(pk__in=shown).order_by("name")
        return [(group.pk, group.name) for group in groups]


@admin.register(Pipeline)
class PipelineAdmin(ReadOnly, OfferedLookups, admin.ModelAdmin):
    """One proposal: what was known, who decided, what came of it."""

    form = PipelineForm
    list_display = ["id", "title", "asked", "writer", "value", "severity", "state", "due_at"]
    list_display_links = ["id", "title"]
    list_filter = [
        "state",
        "severity",
        ("topic", TopicFilter),
        ("restricted_to", OwnGroupFilter),
        "created_at",
    ]
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

    def get_object(self, request, object_id, from_field=None):
        """The proposal as this person may see it."""
        found = super().get_object(request, object_id, from_field)
        return found and look(found, sight_of(request.user))

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
        evidence = show_parts(pipeline, pipeline.evidence)
        named = [(title, said) for title, said, *_ in list_named(evidence)]
        return write_facts(list_facts(pipeline, evidence) + named)

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
            "<details><summary>As JSON</summary><pre>{}</pre></details>",
            format_evidence(show_parts(pipeline, pipeline.evidence)),
        )
