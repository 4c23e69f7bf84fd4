"""Receivers of notices: who is told without looking, tried out with a button."""

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone

from metrics_app import webhooks
from metrics_app.admin.cells import say, shorten, write_time
from metrics_app.admin.fields import DurationField, LinesField
from metrics_app.admin.visible import VisibleAdmin
from metrics_app.core.notices import CHOICES
from metrics_app.core.text.counts import count_words
from metrics_app.meanwhile import MeanwhileForm
from metrics_app.models import Notice, Receiver, Threshold
from metrics_app.services.notices import check_receiver, list_kinds, save_receiver, send_test
from metrics_app.services.visibility import TAKEN, limit_to_groups

SHOWN = 40  # characters of a text in a cell


class ReceiverForm(MeanwhileForm):
    """A receiver with every fault at its field."""

    kind = forms.ChoiceField(initial=Receiver._meta.get_field("kind").default)
    addresses = LinesField(required=False)
    webhook = forms.ChoiceField(required=False)
    severities = forms.MultipleChoiceField(
        choices=Threshold.Severity,
        initial=list(Threshold.Severity.values),
        widget=forms.CheckboxSelectMultiple,
        help_text="Of the breach.",
    )
    events = forms.MultipleChoiceField(
        choices=list(CHOICES.items()),
        initial=list(CHOICES),
        widget=forms.CheckboxSelectMultiple,
        help_text="A recovery is told only to whoever was told that it began.",
    )
    topics = LinesField(
        required=False, help_text="One topic or pattern (complaint.*) per line. Empty: every topic."
    )
    group_wait = DurationField(
        label="Wait for others",
        initial=Receiver._meta.get_field("group_wait").default,
        help_text="A first notice waits so long, so that what comes together is one message: '30 s'.",
    )
    repeat_after = DurationField(
        required=False, help_text="A breach that stays open is told again: '4 h'. Empty: it is not."
    )

    class Meta:
        model = Receiver
        fields = [
            *("name", "kind", "addresses", "webhook", "severities", "events", "topics", "group", "zone"),
            *("group_wait", "repeat_after", "enabled"),
        ]
        # In the same words whoever's it is: receivers of other groups are not told of.
        error_messages = {"name": {"unique": f"This name {TAKEN}."}}

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        if "kind" in self.fields:  # else the form is only looked at
            # What the settings no longer name stays in sight until something else is chosen.
            labels = {name: kind.label for name, kind in list_kinds().items()}
            labels.setdefault(self.instance.kind, self.instance.kind)
            self.fields["kind"].choices = list(labels.items())
            names = sorted({*webhooks.list_webhooks(), self.instance.webhook} - {""})
            self.fields["webhook"].choices = [("", "none"), *((name, name) for name in names)]
            for name in ("addresses", "webhook"):
                self.fields[name].help_text = write_help(name)

    def _post_clean(self):
        """The rules of the service."""
        super()._post_clean()
        if not self.errors:
            for field, message in check_receiver(self.instance):
                self.add_error(field, message)


def write_help(field):
    """What each kind that asks for a field wants in it."""
    return " ".join(
        f"{kind.label.capitalize()}: {kind.asks[field]}"
        for kind in list_kinds().values()
        if field in kind.asks
    )


@admin.register(Receiver)
class ReceiverAdmin(VisibleAdmin):
    """A receiver for a group is set up by people of that group: its restricted KPIs are told there."""

    form = ReceiverForm
    change_form_template = "admin/metrics_app/receiver/change_form.html"
    list_display = [
        "name",
        "way",
        "shown_severities",
        "shown_topics",
        "group",
        "switched_on",
        "state",
        "queue",
    ]
    list_filter = ["kind", "enabled", "group"]
    list_select_related = ["group"]
    search_fields = ["name"]
    actions = ["test"]
    record = ["state", "queue", "last_told", "created_by", "created_at"]
    readonly_fields = record

    def get_fieldsets(self, request, obj=None):
        """The record only once there is one."""
        shown = [
            (None, {"fields": ["name", "enabled"]}),
            ("Where to", {"fields": ["kind", "addresses", "webhook", "zone"]}),
            ("What", {"fields": ["severities", "events", "topics", "group"]}),
            ("When", {"fields": ["group_wait", "repeat_after"]}),
        ]
        return [*shown, ("Record", {"fields": self.record})] if obj else shown

    def is_of(self, request, obj):
        """Whether a person may decide where the notices of the receiver's group go."""
        user = request.user
        return (
            obj is None
            or obj.group_id is None
            or user.is_superuser
            or user.groups.filter(pk=obj.group_id).exists()
        )

    def has_change_permission(self, request, obj=None):
        """Not that of another group."""
        return super().has_change_permission(request, obj) and self.is_of(request, obj)

    def has_delete_permission(self, request, obj=None):
        """Not that of another group. What it was told stays on the timelines."""
        return super().has_delete_permission(request, obj) and self.is_of(request, obj)

    def limit_rows(self, rows, who):
        """Those of other groups are not listed: their addresses are not everybody's; one's own always are."""
        return limit_to_groups(rows, who)

    def get_queryset(self, request):
        """Each with the newest notice to it, and the number of those that wait, that this person may see."""
        seen = self.admin_site.get_model_admin(Notice).get_queryset(request).filter(receiver=OuterRef("pk"))
        told = seen.exclude(done_at=None).order_by("-pk")
        wait = seen.filter(done_at=None).order_by().values("receiver").annotate(number=Count("pk"))
        return (
            super()
            .get_queryset(request)
            .annotate(
                last_notice=Subquery(told.values("pk")[:1]),
                waiting=Coalesce(Subquery(wait.values("number")), 0),
            )
        )

    @admin.display(description="where to", ordering="kind")
    def way(self, receiver):
        """As the kind tells it."""
        kind = list_kinds().get(receiver.kind)
        return (
            shorten(kind.place(receiver), SHOWN)
            if kind
            else f"{receiver.kind}, which the settings do not name"
        )

    @admin.display(description="severities")
    def shown_severities(self, receiver):
        """In a line."""
        return ", ".join(receiver.severities)

    @admin.display(description="topics")
    def shown_topics(self, receiver):
        """In a line."""
        return shorten(", ".join(receiver.topics) or "all", SHOWN)

    @admin.display(description="switched on", ordering="enabled")
    def switched_on(self, receiver):
        """In words."""
        return say(receiver.enabled)

    @admin.display(description="state")
    def state(self, receiver):
        """Whether the last attempt worked, and when it was; since when none has."""
        if receiver.tried_at is None:
            return "nothing sent yet"
        moment = write_time(receiver.tried_at)
        if receiver.down_since:
            tries = (
                f"{count_words(receiver.failures, 'attempt')} failed, the last"
                if receiver.failures > 1
                else "tried"
            )
            since = f"✕ down since {write_time(receiver.down_since)}, {tries} {moment}"
            return shorten(f"{since}: {receiver.fault}", 140)
        return shorten(f"✕ failed {moment}: {receiver.fault}", 90) if receiver.fault else f"✓ works, {moment}"

    @admin.display(description="waiting")
    def queue(self, receiver):
        """How many notices wait for it, and when it is tried next where it is down."""
        if not receiver.waiting:
            return "–"
        words = f"{count_words(receiver.waiting, 'notice')} waiting"
        if not receiver.down_since:
            return words
        later = receiver.try_after and receiver.try_after > timezone.now()
        return f"{words}, next try {write_time(receiver.try_after) if later else 'at once'}"

    @admin.display(description="last told")
    def last_told(self, receiver):
        """The newest notice and what came of it."""
        row = receiver.notices.filter(pk=receiver.last_notice).first()
        return f"{row.get_event_display()}, {row.outcome} {write_time(row.done_at)}" if row else "–"

    def save_model(self, request, obj, form, change):
        """Through the service."""
        save_receiver(obj, by=request.user)

    def response_change(self, request, obj):
        """Also the button "Save and send a test notice"."""
        return self.tell_test(request, obj) or super().response_change(request, obj)

    def response_add(self, request, obj, post_url_continue=None):
        """The same button on the form of a new one."""
        return self.tell_test(request, obj) or super().response_add(request, obj, post_url_continue)

    def tell_test(self, request, obj):
        """Sends the test that was asked for and comes back to the form; None where none was."""
        if "_test" not in request.POST:
            return None
        self.show_test(request, obj)
        return HttpResponseRedirect(reverse("admin:metrics_app_receiver_change", args=[obj.pk]))

    def show_test(self, request, receiver):
        """Sends one test and says what came of it."""
        row = send_test(receiver, by=request.user)
        if row.outcome == Notice.Outcome.SENT:
            self.message_user(request, f"A test notice went to {receiver}.", messages.SUCCESS)
        else:
            self.message_user(request, f"The test to {receiver} did not arrive: {row.error}", messages.ERROR)

    @admin.action(description="Send a test notice", permissions=["change"])
    def test(self, request, queryset):
        """To each of the chosen ones."""
        for receiver in queryset:
            self.show_test(request, receiver)
