"""Silences, for the people who set them."""

from django.contrib import admin
from django.contrib.admin.widgets import AdminSplitDateTime
from django.db import models
from django.utils import timezone

from metrics_app.admin.breaches import DELETES_THRESHOLDS
from metrics_app.admin.visible import VisibleAdmin
from metrics_app.exceptions import BadInput
from metrics_app.fields import SplitLocalTimeField
from metrics_app.meanwhile import MeanwhileForm
from metrics_app.models import Silence, Threshold
from metrics_app.registry import who_is
from metrics_app.services.silences import check_silence, end_silence, save_silence
from metrics_app.services.visibility import check_named, limit_silences


class SilenceForm(MeanwhileForm):
    """A silence with every fault at its field."""

    who = None  # a page sets who asks

    class Meta:
        model = Silence
        fields = [
            "topic",
            "threshold",
            "severity",
            "starts_at",
            "ends_at",
            "days",
            "opens",
            "closes",
            "zone",
            "reason",
        ]

    def clean(self):
        """Times that were left as they stood stay the moments they are, also in an hour that comes twice."""
        data = super().clean()
        for name in {"starts_at", "ends_at"} & set(data):
            stored = getattr(self.instance, name)
            if self.instance.pk and show_time(stored) == show_time(data[name]):
                data[name] = stored
        return data

    def _post_clean(self):
        """The rules of the API."""
        super()._post_clean()
        if not self.errors:
            for field, message in check_silence(self.instance):
                self.add_error(field, message)
        if not self.errors:
            try:
                check_named(self.who, self.instance.topic)
            except BadInput as error:
                self.add_error("topic", str(error))


def show_time(moment):
    """A moment as the form shows it."""
    return f"{timezone.localtime(moment):%Y-%m-%d %H:%M:%S}"


@admin.register(Silence)
class SilenceAdmin(VisibleAdmin):
    """A silence is ended, not deleted: what it did stays explained."""

    form = SilenceForm
    formfield_overrides = {
        models.DateTimeField: {"form_class": SplitLocalTimeField, "widget": AdminSplitDateTime}
    }
    list_display = ["__str__", "threshold", "severity", "starts_at", "ends_at", "days", "zone", "author"]
    list_select_related = ["threshold__kpi", "author"]
    search_fields = ["topic", "reason"]
    readonly_fields = ["author", "created_at"]
    actions = ["end_now"]
    fieldsets = [
        ("What is silenced", {"fields": ["topic", "threshold", "severity"]}),
        ("When", {"fields": ["starts_at", "ends_at"]}),
        ("Only at these hours", {"fields": ["days", "opens", "closes", "zone"]}),
        ("Why", {"fields": ["reason", "author", "created_at"]}),
    ]

    def has_delete_permission(self, request, obj=None):
        """It is ended instead; deleting a threshold takes its silences with it."""
        return request.resolver_match.url_name in DELETES_THRESHOLDS

    def limit_rows(self, rows, who):
        """Not those of a KPI that this person may not see."""
        return limit_silences(rows, who)

    def limit_choices(self, rows, request):
        """With what a threshold is called by, in one query."""
        chosen = super().limit_choices(rows, request)
        return chosen.select_related("kpi") if rows.model is Threshold else chosen

    def get_form(self, request, obj=None, change=False, **options):
        """The form of this person."""
        form = super().get_form(request, obj, change, **options)
        form.who = who_is(request.user)
        for name in {"starts_at", "ends_at"} & set(form.base_fields):
            field = form.base_fields[name]
            field.help_text = f"{field.help_text} In {timezone.get_current_timezone_name()}.".strip()
        return form

    def save_model(self, request, obj, form, change):
        """Through the same door as the API."""
        try:
            save_silence(obj, by=request.user)
        except BadInput as error:
            self.message_user(request, str(error), "error")

    @admin.action(description="End now", permissions=["change"])
    def end_now(self, request, queryset):
        """Ends the chosen ones."""
        for silence in queryset:
            end_silence(silence)
