"""The versions of a threshold below its form: shown, never changed."""

from django.contrib import admin
from django.forms import BaseInlineFormSet

from metrics_app.core.text.phrases import tell_changes
from metrics_app.models import ThresholdVersion


class ShownFormSet(BaseInlineFormSet):
    """Rows that are only shown: what is posted for them, which anybody can forge, is never read."""

    new_objects = changed_objects = deleted_objects = ()

    def __init__(self, data=None, files=None, **options):
        super().__init__(**options)

    def is_valid(self):
        """Always: nothing was asked."""
        return True

    def save(self, commit=True):
        """Saves nothing."""
        return []


class VersionInline(admin.TabularInline):
    """Earlier rules; never changed."""

    model = ThresholdVersion
    formset = ShownFormSet
    template = "admin/metrics_app/lines.html"
    fields = readonly_fields = ["version", "created_at", "author", "reason", "changes"]
    extra = 0
    can_delete = False
    verbose_name_plural = "versions"

    def has_add_permission(self, request, obj=None):
        """Saving makes them."""
        return False

    def get_queryset(self, request):
        """With authors, in one query."""
        return super().get_queryset(request).select_related("author", "threshold__kpi")

    @admin.display(description="what changed")
    def changes(self, version):
        """The difference to the version before, in words."""
        before = ThresholdVersion.objects.filter(
            threshold=version.threshold_id, version=version.version - 1
        ).first()
        return (
            tell_changes(before.rule, version.rule, version.threshold.kpi.unit) if before else "first version"
        )
