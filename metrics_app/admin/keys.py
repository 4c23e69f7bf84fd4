"""API keys: made here, shown once, revoked here."""

from django.contrib import admin, messages
from django.template.response import TemplateResponse

from metrics_app.admin.cells import shorten, write_time
from metrics_app.admin.key_form import PARTNER, ApiKeyForm
from metrics_app.admin.senders import tell_clock, tell_dropped
from metrics_app.admin.visible import VisibleAdmin
from metrics_app.models import ApiKey
from metrics_app.services.keys import create_key, revoke_key
from metrics_app.services.visibility import limit_to_groups

HASH_SHOWN = 12  # characters of a hash that people compare
TOPICS_SHOWN = 40  # characters of the topics in a cell


class RevokedFilter(admin.SimpleListFilter):
    """Valid or revoked."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request, model_admin):
        """The two states."""
        return [("valid", "valid"), ("revoked", "revoked")]

    def queryset(self, request, queryset):
        """The keys of the chosen state."""
        if self.value() is None:
            return queryset
        return queryset.filter(revoked_at__isnull=self.value() == "valid")


@admin.register(ApiKey)
class ApiKeyAdmin(VisibleAdmin):
    """A key is never shown again and never deleted: who used it stays on record.

    A key reads what its group reads: only people of the group make and change it, and nobody gives it
    what they may not do themselves.
    """

    form = ApiKeyForm
    change_form_template = "admin/metrics_app/apikey/change_form.html"
    list_display = ["name", "shown_prefix", "shown_scopes", "limits", "state"]
    list_filter = [RevokedFilter, "group"]
    list_select_related = ["group"]
    search_fields = ["name", "prefix"]
    actions = ["revoke"]
    record = ["shown_prefix", "shown_hash", "created_by", "created_at", "state"]
    emitter = ["shown_clock", "shown_dropped"]
    readonly_fields = [*record, *emitter]

    def limit_rows(self, rows, who):
        """One's own, and of others those that name nothing this person may not see."""
        return limit_to_groups(rows, who)

    def get_fieldsets(self, request, obj=None):
        """The record only once there is one."""
        shown = [
            (None, {"fields": ["name", "scopes"]}),
            ("Limits", {"fields": ["topics", "group"]}),
            ("Proposals", {"fields": ["actions"]}),
            ("Partners", {"fields": PARTNER, "description": "What a partner's key is held to besides."}),
        ]
        if obj is None:
            return shown
        told = self.emitter if "emit" in obj.scopes else []
        return [*shown, ("Record", {"fields": [*self.record, *told]})]

    def get_form(self, request, obj=None, change=False, **options):
        """The form of this person."""
        form = super().get_form(request, obj, change, **options)
        form.by = request.user
        return form

    @admin.display(description="key", ordering="prefix")
    def shown_prefix(self, key):
        """The first characters, enough to recognise a key."""
        return f"{key.prefix}…"

    @admin.display(description="hash")
    def shown_hash(self, key):
        """The first characters of its SHA-256, the whole of it on hovering."""
        return shorten(key.hash, HASH_SHOWN)

    @admin.display(description="scopes")
    def shown_scopes(self, key):
        """The scopes in a line."""
        return ", ".join(key.scopes)

    @admin.display(description="topics")
    def limits(self, key):
        """The topics in a line."""
        topics = ", ".join(key.topics) or ("none" if "partner" in key.scopes else "all")
        return shorten(topics, TOPICS_SHOWN)

    @admin.display(description="its sender's clock")
    def shown_clock(self, key):
        """How far it was off when that was last seen."""
        return tell_clock(key.pk)

    @admin.display(description="points its senders lost")
    def shown_dropped(self, key):
        """How many they told of."""
        return tell_dropped(key.pk)

    @admin.display(description="state", ordering="revoked_at")
    def state(self, key):
        """Valid, or since when not."""
        return f"revoked {write_time(key.revoked_at)}" if key.revoked_at else "valid"

    def save_model(self, request, obj, form, change):
        """Makes a new key; the raw one travels on the request to the next page and nowhere else."""
        if change:
            obj.save()
            return
        wanted = {
            name: form.cleaned_data[name] for name in self.form.Meta.fields if name in form.cleaned_data
        }
        key, request.raw_key = create_key(**wanted, by=request.user)
        obj.pk = key.pk
        obj.refresh_from_db()

    def response_add(self, request, obj, post_url_continue=None):
        """The one page that shows the key: rendered at once, so that it is stored nowhere."""
        context = {
            **self.admin_site.each_context(request),
            "title": f"The key of {obj.name}",
            "key": obj,
            "raw_key": request.raw_key,
            "opts": self.opts,
        }
        response = TemplateResponse(request, "admin/metrics_app/apikey/created.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def response_change(self, request, obj):
        """Also the button "Revoke"."""
        if "_revoke" in request.POST:
            self.revoke(request, ApiKey.objects.filter(pk=obj.pk))
        return super().response_change(request, obj)

    @admin.action(description="Revoke the selected keys", permissions=["change"])
    def revoke(self, request, queryset):
        """Refuses the keys from now on, in every process within 2 s."""
        for key in queryset.filter(revoked_at=None):
            revoke_key(key)
            self.log_change(request, key, "Revoked.")
            self.message_user(request, f"{key} is revoked.", messages.SUCCESS)

    def has_delete_permission(self, request, obj=None):
        """Keys are revoked: what they did stays readable."""
        return False
