"""The switch that holds all executions, turned by the service that enters it into the chain."""

from django import forms
from django.contrib import admin
from django.shortcuts import redirect

from pipelines_app.admin.cells import ReadOnly
from pipelines_app.lookups import OfferedLookups
from pipelines_app.models import StopSwitch
from pipelines_app.queries import may_turn
from pipelines_app.services import resume, stop
from pipelines_app.services.stop import find_or_make_switch


class StopForm(forms.ModelForm):
    """Where the switch shall stand, and why."""

    class Meta:
        model = StopSwitch
        fields = ["stopped", "reason"]
        labels = {"stopped": "All actions are stopped", "by_name": "Last turned by", "at": "Last turned"}
        help_texts = {
            "stopped": "While they are, nothing that was approved begins; what has begun goes on.",
            "reason": "Everybody reads it on every page; of resuming it is kept in the audit chain.",
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if "reason" in self.fields:
            # Each turn of the switch has a reason of its own.
            self.initial["reason"], self.fields["reason"].required = "", True

    def clean(self):
        """Refuses a turn to where it stands; what is stopped may be so for another reason."""
        data = super().clean()
        present = StopSwitch.objects.filter(stopped=True).first()
        stays = data.get("stopped") == (present is not None)
        if stays and (present is None or present.reason == data.get("reason")):
            raise forms.ValidationError("That is so already: nothing was changed.")
        return data


@admin.register(StopSwitch)
class StopSwitchAdmin(ReadOnly, OfferedLookups, admin.ModelAdmin):
    """One switch that holds all executions."""

    form = StopForm
    fields = ["stopped", "reason", "by_name", "at"]
    readonly_fields = ["by_name", "at"]

    def has_change_permission(self, request, obj=None):
        """For whoever may turn it."""
        return may_turn(request.user)

    def has_view_permission(self, request, obj=None):
        """For whoever may turn it, too."""
        return super().has_view_permission(request, obj) or may_turn(request.user)

    def changelist_view(self, request, extra_context=None):
        """There is one: its own page."""
        if not self.has_view_permission(request):
            return super().changelist_view(request, extra_context)
        return redirect("admin:pipelines_app_stopswitch_change", find_or_make_switch().pk)

    def save_model(self, request, obj, form, change):
        """By the service, which knows who and writes it into the chain."""
        turn = stop if form.cleaned_data["stopped"] else resume
        turn(reason=form.cleaned_data["reason"], by=request.user)
