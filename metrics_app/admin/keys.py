"""API keys: made here, shown once, revoked here."""

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.template.response import TemplateResponse

from metrics_app.admin.cells import shorten, write_time
from metrics_app.admin.senders import tell_clock, tell_dropped
from metrics_app.admin.visible import VisibleAdmin
from metrics_app.core.origins import check_origin
from metrics_app.core.points import check_pattern
from metrics_app.exceptions import BadInput
from metrics_app.models import ApiKey
from metrics_app.registry import who_is
from metrics_app.services.keys import (
    check_actions,
    check_rights,
    check_scopes,
    create_key,
    list_actions,
    revoke_key,
)
from metrics_app.services.visibility import limit_to_groups

PARTNER = ["origins", "max_rate", "connections", "requests_per_minute"]
DEFAULTED = {"connections", "requests_per_minute"}
HASH_SHOWN = 12  # characters of a hash that people compare
TOPICS_SHOWN = 40  # characters of the topics in a cell


class LinesField(forms.CharField):
    """A list of strings, one per line."""

    widget = forms.Textarea(attrs={"rows": 4, "cols": 60})

    def prepare_value(self, value):
        """The list as lines; what was typed as it is."""
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value):
        """The lines as a list, without the empty ones."""
        return [line.strip() for line in (value or "").splitlines() if line.strip()]

    def has_changed(self, initial, data):
        """Compares lists, not their text."""
        return (initial or []) != self.to_python(data)


class ApiKeyForm(forms.ModelForm):
    """Scopes to tick, topics as lines."""

    by = None  # a page sets who asks

    scopes = forms.MultipleChoiceField(
        choices=ApiKey.Scope,
        widget=forms.CheckboxSelectMultiple,
        help_text="What the key opens. A partner key has no other scope.",
    )
    topics = LinesField(
        required=False,
        help_text="One topic or pattern (complaint.*) per line, for emitting as well as reading. "
        "Empty: all topics, so that it may send points into restricted KPIs of others, too; for a partner "
        "key: none.",
    )

    actions = forms.MultipleChoiceField(
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text="What a proposal of this key may ask to be carried out once people approve it. "
        "None: people do it by hand.",
    )
    origins = LinesField(
        required=False,
        help_text="One web origin per line, such as https://www.example.org: pages from there may open this "
        "key's streams, with a ticket that their own server fetches. Empty: programs only, no page.",
    )

    class Meta:
        model = ApiKey
        fields = ["name", "scopes", "topics", "group", "actions", *PARTNER]

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        if "actions" in self.fields:
            # What the settings no longer name stays visible until somebody takes it off.
            names = sorted({*list_actions(), *self.instance.actions})
            self.fields["actions"].choices = [(name, name) for name in names]
        # Who may only look has a form without fields.
        for name in self.fields.keys() & DEFAULTED:
            self.fields[name].required = False

    def clean(self):
        """What is left empty has its default; actions fit the scopes, and both whoever gives them."""
        for name in DEFAULTED:
            if self.cleaned_data.get(name) is None and name not in self.errors:
                self.cleaned_data[name] = ApiKey._meta.get_field(name).default
        try:
            check_actions(self.cleaned_data.get("actions", ()), self.cleaned_data.get("scopes", ("propose",)))
        except BadInput as error:
            self.add_error("actions", str(error))
        if not self.errors:
            self.check_rights()
        return super().clean()

    def check_rights(self):
        """Nobody gives a key what they may not do themselves."""
        wanted = {
            name: self.cleaned_data.get(name, getattr(self.instance, name))
            for name in ("scopes", "actions", "group")
        }
        try:
            check_rights(self.by, **wanted, before=self.instance if self.instance.pk else None)
        except BadInput as error:
            self.add_error(error.errors[0]["field"], str(error))

    def clean_name(self):
        """One valid key of a name: a form sent twice must not make two. Those of others are not told of."""
        name = self.cleaned_data["name"]
        twins = ApiKey.objects.filter(name=name, revoked_at=None).exclude(pk=self.instance.pk)
        twin = limit_to_groups(twins, who_is(self.by)).first() if self.by else twins.first()
        if twin:
            raise ValidationError(f"A valid key of this name was made already: {twin.prefix}…")
        return name

    def clean_scopes(self):
        """Scopes that fit together."""
        try:
            return check_scopes(self.cleaned_data["scopes"])
        except BadInput as error:
            raise ValidationError(str(error)) from None

    def clean_topics(self):
        """Topics and patterns, each checked."""
        try:
            return [check_pattern(topic) for topic in self.cleaned_data["topics"]]
        except BadInput as error:
            raise ValidationError(str(error)) from None

    def clean_origins(self):
        """Origins as browsers write them, each checked."""
        try:
            return [check_origin(origin) for origin in self.cleaned_data["origins"]]
        except BadInput as error:
            raise ValidationError(str(error)) from None


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
