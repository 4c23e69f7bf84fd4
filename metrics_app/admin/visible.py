"""What every admin page of this app shows: rows of topics that this person may see, and nothing of others."""

from django.contrib import admin, messages
from django.contrib.admin.utils import get_fields_from_path
from django.contrib.auth.models import Group
from django.core.exceptions import ObjectDoesNotExist
from django.http import HttpResponseRedirect

from metrics_app.lookups import OfferedLookups
from metrics_app.meanwhile import MeanwhileAdmin
from metrics_app.registry import look_again, who_is
from metrics_app.services.visibility import limit_to_visible

GONE = "Some of what was chosen has been deleted meanwhile: see what is left, and choose again."


class VisibleAdmin(MeanwhileAdmin, OfferedLookups, admin.ModelAdmin):
    """An admin page that asks the one rule of who sees what.

    Lists, forms, history, autocompletion, filters with their counts, actions and the page before a
    deletion all begin with ``get_queryset``; what a form offers is limited by the admin of what it
    offers. What is not there and what is not for this person have the same answer.
    """

    topic_path: str  # from a row to its topic, as a lookup; or ``limit_rows`` says it

    def limit_rows(self, rows, who):
        """The rows that ``who`` may see."""
        return limit_to_visible(rows, who, self.topic_path)

    def get_queryset(self, request):
        """Rows that this person may see."""
        return self.limit_rows(super().get_queryset(request), identify(request))

    def response_action(self, request, queryset):
        """What an action answers; where one of the chosen rows is deleted meanwhile, what was not done."""
        chosen = request.POST.getlist(admin.helpers.ACTION_CHECKBOX_NAME)
        try:
            return super().response_action(request, queryset)
        except ObjectDoesNotExist:
            if self.model._base_manager.filter(pk__in=chosen).count() == len(set(chosen)):
                raise
            self.message_user(request, GONE, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    def get_list_filter(self, request):
        """A filter by another model's rows offers those alone that this person may see."""
        return [
            (name, VisibleRelatedFilter) if is_relation(self.model, name) else name
            for name in super().get_list_filter(request)
        ]

    def formfield_for_foreignkey(self, db_field, request, **options):
        """Only rows that this person may see, and groups that they belong to."""
        field = super().formfield_for_foreignkey(db_field, request, **options)
        if field is not None:
            field.queryset = self.limit_choices(field.queryset, request)
        return field

    def limit_choices(self, rows, request):
        """The rows of another model that this person may choose."""
        if rows.model is Group:
            return limit_groups(rows, request.user)
        other = self.admin_site._registry.get(rows.model)
        return other.limit_rows(rows, identify(request)) if isinstance(other, VisibleAdmin) else rows


def identify(request):
    """The ``Who`` of a request; where something is written the rows say what is restricted."""
    if request.method == "POST" and not getattr(request, "has_looked_again", False):
        look_again()
        request.has_looked_again = True  # a form asks once per field
    return who_is(request.user)


def is_relation(model, name):
    """Whether a plain entry of ``list_filter`` names rows of another model."""
    return isinstance(name, str) and get_fields_from_path(model, name)[-1].is_relation


class VisibleRelatedFilter(admin.RelatedFieldListFilter):
    """A filter by a row of another model: only rows that this person may see."""

    def field_choices(self, field, request, model_admin):
        """``[(pk, text)]``."""
        rows = model_admin.limit_choices(field.related_model.objects.all(), request)
        return [(row.pk, str(row)) for row in rows]


def limit_groups(groups, user):
    """The groups in whose name a person may act: their own, all for a superuser."""
    return groups if user.is_superuser else groups.filter(pk__in=user.groups.values("pk"))
