"""The form of an API key."""

from django import forms
from django.core.exceptions import ValidationError

from metrics_app.admin.fields import LinesField
from metrics_app.core.origins import check_origin
from metrics_app.core.points import check_pattern
from metrics_app.exceptions import BadInput
from metrics_app.meanwhile import MeanwhileForm
from metrics_app.models import ApiKey
from metrics_app.registry import who_is
from metrics_app.services.keys import check_actions, check_rights, check_scopes, list_actions
from metrics_app.services.visibility import limit_to_groups

PARTNER = ["origins", "max_rate", "connections", "requests_per_minute"]
DEFAULTED = {"connections", "requests_per_minute"}


class ApiKeyForm(MeanwhileForm):
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
