"""Thresholds to and from YAML in the admin: what would change is shown before it is saved."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from metrics_app.exceptions import BadInput
from metrics_app.models import Kpi
from metrics_app.registry import who_is
from metrics_app.services.rules.changes import GONE, SAME
from metrics_app.services.rules.fields import check_reason
from metrics_app.services.rules.files import apply_import, export_rules, plan_import

LARGEST = 500_000  # bytes of a file in a form
MOST = 500  # KPIs and thresholds together that somebody waits for
HELP = f"As an export writes it, at most 500 kB and {MOST:,} KPIs and thresholds."
FILE = "the file"  # what faults call a text that was pasted


class ImportForm(forms.Form):
    """YAML, pasted or as a file; what was shown comes back with the mark of its plan."""

    file = forms.FileField(required=False, help_text=HELP)
    text = forms.CharField(
        required=False,
        strip=False,
        max_length=LARGEST,
        label="or as text",
        widget=forms.Textarea(attrs={"rows": 18, "cols": 100, "spellcheck": "false"}),
    )
    prune = forms.BooleanField(
        required=False,
        label="Delete what it leaves out",
        help_text="Thresholds on topics of the file that it does not name; their breaches stay on record.",
    )
    reason = forms.CharField(
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"size": 60}),
        help_text="Kept with each new version.",
    )
    mark = forms.CharField(required=False, max_length=64, widget=forms.HiddenInput)

    def clean_reason(self):
        """A reason that a version can keep."""
        try:
            check_reason(self.cleaned_data["reason"])
        except BadInput as error:
            raise ValidationError(str(error)) from None
        return self.cleaned_data["reason"]

    def clean(self):
        """``text`` is what is to be read, and ``name`` what faults call it."""
        data = super().clean()
        file = data.get("file")
        if file and file.size > LARGEST:
            raise ValidationError({"file": f"has {file.size:,} bytes, at most {LARGEST:,} are read"})
        try:
            # A browser sends CRLF.
            text = file.read().decode() if file else data.get("text", "").replace("\r\n", "\n")
        except UnicodeDecodeError:
            raise ValidationError({"file": "is not UTF-8"}) from None
        if not text.strip() and not self.errors:
            raise ValidationError("Choose a file, or paste its text.")
        return data | {"text": text, "name": file.name if file else FILE}


class ThresholdFiles:
    """The action and the page; beside ``ModelAdmin``."""

    actions = ["export_selected"]

    def get_urls(self):
        """Before those of the model."""
        view = self.admin_site.admin_view(self.import_rules)
        return [path("import/", view, name="metrics_app_threshold_import"), *super().get_urls()]

    @admin.action(description="Export as YAML", permissions=["view"])
    def export_selected(self, request, queryset):
        """The selected thresholds with their KPIs, as a file."""
        only = set(queryset.values_list("pk", flat=True))
        kpis = Kpi.objects.filter(thresholds__in=only).distinct()
        return HttpResponse(
            export_rules(kpis, only),
            content_type="application/yaml; charset=utf-8",
            headers={"Content-Disposition": 'attachment; filename="thresholds.yaml"'},
        )

    def may_import(self, request):
        """Whether this person may write whatever a file can hold."""
        names = ("add_threshold", "change_threshold", "add_kpi", "change_kpi")
        return request.user.has_perms([f"metrics_app.{name}" for name in names])

    def import_rules(self, request):
        """Shows what a file would change; saves it once that was seen."""
        if not self.may_import(request):
            raise PermissionDenied
        form = ImportForm(request.POST, request.FILES) if request.method == "POST" else ImportForm()
        plan, faults = None, []
        if form.is_valid():
            data = form.cleaned_data
            try:
                plan = self.carry_out(request, data)
            except BadInput as error:
                faults = str(error).splitlines()
            if plan and plan.mark == data["mark"] and "again" not in request.POST:
                self.message_user(request, f"Imported: {plan.summary}.", messages.SUCCESS)
                return redirect("admin:metrics_app_threshold_changelist")
            # A file cannot be sent back to a form: from now on it is the text.
            shown = {"text": data["text"], "prune": data["prune"], "reason": data["reason"]}
            form = ImportForm(initial=shown | {"mark": plan.mark if plan else ""})
        moved = bool(request.POST.get("mark")) and "again" not in request.POST
        return self.show_import(request, form, plan, faults, moved)

    def carry_out(self, request, data):
        """The Plan: carried out where it is the one this person has seen, else only made."""
        texts, options = {data["name"]: data["text"]}, {"prune": data["prune"], "who": who_is(request.user)}
        options["most"] = MOST
        plan = plan_import(texts, **options)
        if any(c.kind == GONE for c in plan.changes) and not self.has_delete_permission(request):
            raise BadInput("You need the permission metrics_app.delete_threshold to delete what is left out.")
        if "again" in request.POST or data["mark"] != plan.mark:
            return plan
        return apply_import(texts, by=request.user, reason=data["reason"], mark=data["mark"], **options)

    def show_import(self, request, form, plan, faults, moved):
        """The page with the form, and the difference or the faults."""
        changes = [change for change in plan.changes if change.key or change.kind != SAME] if plan else []
        context = {
            **self.admin_site.each_context(request),
            "title": "Import thresholds from YAML",
            "opts": self.opts,
            "form": form,
            "plan": plan,
            "changes": changes,
            "faults": faults,
            "moved": moved and plan is not None,
            "list_url": reverse("admin:metrics_app_threshold_changelist"),
        }
        status = 400 if faults or form.errors else 200
        return TemplateResponse(request, "admin/metrics_app/threshold/import.html", context, status=status)

    def changelist_view(self, request, extra_context=None):
        """With a link to the import for those who may."""
        return super().changelist_view(
            request, (extra_context or {}) | {"may_import": self.may_import(request)}
        )
