"""The admin's site: its log tells nobody the names of rows that they may not see."""

from django.contrib import admin
from django.contrib.admin.views.autocomplete import AutocompleteJsonView
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import PermissionDenied
from django.db.models import Q

from hms_gov.deletions import Discreet
from metrics_app.lookups import OfferedLookups


class Autocomplete(AutocompleteJsonView):
    """Django's own, which fails at a relation's other end: no form has a field of it."""

    def process_request(self, request):
        """As Django's; PermissionDenied for what is no field of the model's own, as for one it lacks."""
        found = super().process_request(request)
        if not found[2].concrete:
            raise PermissionDenied
        return found


class Site(admin.AdminSite):
    """Django's own, but for what it writes beside the list of models and before a deletion."""

    def register(self, model_or_iterable, admin_class=None, **options):
        """As Django's; each page filters by what it offers, and tells before a deletion what one may see."""
        base = admin_class or admin.ModelAdmin
        missing = [one for one in (Discreet, OfferedLookups) if not issubclass(base, one)]
        if missing:
            base = type(base.__name__, (*missing, base), {})
        super().register(model_or_iterable, base, **options)

    def get_log_entries(self, request):
        """A person's own entries, those about rows that the admin would show them now.

        The name of a row was written down when it could perhaps be seen, and whether a row is
        gone or hidden must not be told apart. A superuser reads all.
        """
        entries = super().get_log_entries(request)
        if request.user.is_superuser:
            return entries
        own = entries.filter(user_id=request.user.pk)
        for model, its_admin in self._registry.items():
            kind = ContentType.objects.get_for_model(model, for_concrete_model=False)
            logged = own.filter(content_type=kind).order_by().values_list("object_id", flat=True).distinct()
            # What is no id, as Django's own log has it of nothing else, is of no row that is there.
            ids = [pk for pk in logged if pk and pk.isdecimal()]
            if logged:
                rows = its_admin.get_queryset(request).filter(pk__in=ids)
                seen = [str(pk) for pk in rows.values_list("pk", flat=True)]
                own = own.exclude(Q(content_type=kind) & ~Q(object_id__in=seen))
        return own

    def autocomplete_view(self, request):
        """What a search field of a form offers."""
        return Autocomplete.as_view(admin_site=self)(request)
