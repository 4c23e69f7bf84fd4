"""Proposals as history: to be searched and read, never edited. Decisions are made in the inbox."""

import json

from django.contrib import admin
from django.utils.html import format_html

from pipelines_app.models import AuditEntry, Decision, Pipeline
from pipelines_app.queries import visible_to


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
    fields = ["created_at", "by_name", "vote", "version", "comment"]
    extra = 0


class AuditInline(ReadOnly, admin.TabularInline):
    """What happened to it, from the chain."""

    model = AuditEntry
    fields = ["seq", "at", "actor", "event", "data_text", "hash"]
    extra = 0


@admin.register(Pipeline)
class PipelineAdmin(ReadOnly, admin.ModelAdmin):
    """One proposal: what was known, who decided, what came of it."""

    list_display = [
        "id",
        "title",
        "suggestion",
        "topic",
        "value",
        "severity",
        "state",
        "due_at",
        "decided_at",
    ]
    list_display_links = ["id", "title"]
    list_filter = ["state", "severity", "topic", "restricted_to", "created_at"]
    search_fields = ["title", "suggestion", "topic", "origin", "proposer_name", "decisions__comment"]
    date_hierarchy = "created_at"
    ordering = ["-id"]
    inlines = [DecisionInline, AuditInline]
    fieldsets = [
        (None, {"fields": ["title", "suggestion", "state", "version", "severity"]}),
        ("The KPI", {"fields": ["topic", "value", "latest_kpi", "latest_at", "noted"]}),
        ("Who and when", {"fields": ["proposer_name", "origin", "restricted_to", "quorum", "created_at"]}),
        ("Deadline and decision", {"fields": ["due_at", "decided_at", "action", "action_params"]}),
        ("Evidence, as frozen", {"fields": ["evidence_sha256", "intact", "pretty_evidence"]}),
    ]

    def get_queryset(self, request):
        """Only what this person may see on any other page."""
        rows = super().get_queryset(request).select_related("restricted_to")
        if request.user.is_superuser:
            return rows
        return rows.filter(pk__in=visible_to(request.user).values("pk"))

    @admin.display(description="value at opening", ordering="kpi")
    def value(self, pipeline):
        """The number with its unit."""
        return "–" if pipeline.kpi is None else f"{pipeline.kpi:,.6g} {pipeline.unit}".strip()

    @admin.display(description="unchanged", boolean=True)
    def intact(self, pipeline):
        """Whether the evidence still fits its hash."""
        return pipeline.evidence_intact

    @admin.display(description="evidence")
    def pretty_evidence(self, pipeline):
        """The JSON, indented; columns of numbers stay on one line."""
        return format_html("<pre>{}</pre>", format_evidence(pipeline.evidence))


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
