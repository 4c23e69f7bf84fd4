"""Corrections: spans of history that do not count, with who, why and when."""

from datetime import UTC, datetime

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ActionForm
from django.core.exceptions import ValidationError

from metrics_app.admin.visible import VisibleAdmin
from metrics_app.core.moments import to_ms
from metrics_app.core.text.counts import count_words
from metrics_app.exceptions import MetricsError
from metrics_app.fields import UtcTimeField
from metrics_app.models import Correction
from metrics_app.registry import who_is
from metrics_app.services.corrections import restore, void

PERMISSION = "metrics_app.correct_history"
ADDED = ["topic", "begin", "until", "reason"]
SHOWN = [
    *("topic", "starts", "ends", "reason", "author", "created_at"),
    *("restored_by", "restored_at", "restore_reason"),
]


def write_minute(ms):
    """An edge of a span, as the form takes it."""
    return f"{datetime.fromtimestamp(ms / 1000, UTC):%Y-%m-%d %H:%M} UTC"


class RestoreForm(ActionForm):
    """The choice of an action, and why."""

    reason = forms.CharField(
        required=False,
        max_length=500,
        label="Why they count again: ",
        widget=forms.TextInput(attrs={"placeholder": "a reason, kept with the correction"}),
    )


class CorrectionForm(forms.ModelForm):
    """A new correction; times as a reader of charts knows them."""

    begin = UtcTimeField(help_text="UTC, as 2026-03-01 14:05; counted from this minute.")
    until = UtcTimeField(help_text="UTC; up to the beginning of this minute.")

    class Meta:
        model = Correction
        fields = ["topic", "reason"]

    def clean(self):
        """A span, in words where it is none."""
        data = super().clean()
        if data.get("begin") and data.get("until") and data["begin"] >= data["until"]:
            raise ValidationError({"until": "The end is not after the beginning."})
        return data


@admin.register(Correction)
class CorrectionAdmin(VisibleAdmin):
    """Void by adding, restore by an action; nothing is changed or deleted."""

    topic_path = "topic"
    form = CorrectionForm
    action_form = RestoreForm
    list_display = ["topic", "starts", "ends", *SHOWN[3:]]
    list_filter = ["topic"]
    list_select_related = ["author", "restored_by"]
    actions = ["restore_spans"]

    @admin.display(description="from", ordering="start")
    def starts(self, row):
        """The first minute that does not count."""
        return write_minute(row.start)

    @admin.display(description="until", ordering="end")
    def ends(self, row):
        """The first minute that counts again."""
        return write_minute(row.end)

    def get_fields(self, request, obj=None):
        """What is asked of a new correction, or all that is known of one."""
        return ADDED if obj is None else SHOWN

    def get_readonly_fields(self, request, obj=None):
        """All of a correction that was made."""
        return [] if obj is None else SHOWN

    def has_add_permission(self, request):
        """Whoever may correct history."""
        return request.user.has_perm(PERMISSION)

    def has_change_permission(self, request, obj=None):
        """Nobody: what was done stays as it was done. The list itself needs it for its actions."""
        return obj is None and request.user.has_perm(PERMISSION)

    def has_delete_permission(self, request, obj=None):
        """Nobody."""
        return False

    def save_model(self, request, obj, form, change):
        """Voids the span, and says what that takes out."""
        start, end = (to_ms(form.cleaned_data[name]) for name in ("begin", "until"))
        who = who_is(request.user)
        row = void(topic=obj.topic, start=start, end=end, reason=obj.reason, by=request.user, who=who)
        # The admin goes on with its own object: it becomes the row that was made.
        obj.__dict__.update(row.__dict__)
        gone = count_words(row.points, "point")
        self.message_user(request, f"The span takes {gone} of {row.topic} out of the figures.", messages.INFO)

    def add_view(self, request, form_url="", extra_context=None):
        """The form; what the service refuses is said on the page."""
        try:
            return super().add_view(request, form_url, extra_context)
        except MetricsError as error:
            self.message_user(request, str(error), messages.ERROR)
            return self.changelist_view(request)

    @admin.action(description="Restore: let these spans count again")
    def restore_spans(self, request, rows):
        """Restores the chosen spans in the name of the user, for the reason beside the action."""
        for row in rows:
            try:
                restore(correction=row, reason=request.POST.get("reason", ""), by=request.user)
            except MetricsError as error:
                self.message_user(request, str(error), messages.WARNING)
