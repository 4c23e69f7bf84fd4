"""KPIs: what a topic is called, which way is better, who answers for it."""

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError

from metrics_app.admin.cells import say
from metrics_app.admin.fields import DurationField
from metrics_app.core.entries import write_duration
from metrics_app.core.units import format_duration
from metrics_app.models import Kpi

MAX_WINDOW = 3_600  # seconds that are hot


class KpiForm(forms.ModelForm):
    """Refuses what would show nothing to anybody."""

    window = DurationField(
        initial=Kpi._meta.get_field("window").default, help_text="How far the tile looks back: '30 min'."
    )

    class Meta:
        model = Kpi
        fields = "__all__"

    def clean_window(self):
        """A window the tile can show."""
        window = self.cleaned_data["window"]
        if not 1 <= window <= MAX_WINDOW:
            expected = f"1 s to {write_duration(MAX_WINDOW)}"
            raise ValidationError(f"{write_duration(window)} is not a window of a tile: expected {expected}.")
        return window

    def clean(self):
        """A restricted KPI needs a group that may see it."""
        data = super().clean()
        if data.get("restricted") and not data.get("owner"):
            self.add_error("restricted", "Choose the owner group: without one nobody could see this KPI.")
        return data


@admin.register(Kpi)
class KpiAdmin(admin.ModelAdmin):
    """Topics enter by themselves with their first point; here people give them a meaning."""

    form = KpiForm
    list_display = ["topic", "name", "unit", "direction", "tile", "owner", "limited"]
    list_filter = ["restricted", "owner", "direction", "aggregate"]
    list_select_related = ["owner"]
    search_fields = ["topic", "name"]
    readonly_fields = ["created_at"]
    fieldsets = [
        (None, {"fields": ["topic", "name", "unit", "direction"]}),
        (
            "The tile",
            {
                "fields": ["aggregate", "window"],
                "description": "What the overview shows: for example the mean of the last 30 min, "
                "or the rate per hour over 1 h.",
            },
        ),
        ("Who answers for it", {"fields": ["owner", "restricted"]}),
        ("Record", {"fields": ["created_at"]}),
    ]

    @admin.display(description="restricted", ordering="restricted")
    def limited(self, kpi):
        """In words."""
        return say(kpi.restricted)

    @admin.display(description="tile")
    def tile(self, kpi):
        """The tile in words."""
        return f"{kpi.get_aggregate_display()}, {format_duration(kpi.window)}"

    def get_readonly_fields(self, request, obj=None):
        """A topic is where the points are: another topic is another KPI."""
        return [*self.readonly_fields, *(["topic"] if obj else [])]
