"""What the admin shows of a threshold: its rule in words, its light, the health of its data."""

from django.contrib import admin
from django.utils.html import format_html

from metrics_app.admin.cells import link_explanation, shorten, write_ms, write_time
from metrics_app.core.classes import proves_nothing
from metrics_app.core.conditions import FIRING, NONE, PENDING, SHAPES, SILENT, UNJUDGED
from metrics_app.core.deadman import is_silence_rule
from metrics_app.core.text import words
from metrics_app.core.text.phrases import tell_rule
from metrics_app.core.text.units import format_value
from metrics_app.services.watch.states import read_states

DATA = {
    "fresh": "fresh",
    "thin": "too few points",
    "empty": "no points",
    "error": "cannot be read",
    "behind": "behind: nothing is judged",
}


TEXT_SHOWN = 32  # characters of a text in a cell


class ThresholdCells:
    """Columns and read-only fields; beside ``ModelAdmin``."""

    @admin.display(description="threshold", ordering="kpi__topic")
    def label(self, threshold):
        """Its name, or its KPI where it has none: the rule has a column of its own."""
        return shorten(threshold.name or str(threshold.kpi), TEXT_SHOWN)

    @admin.display(description="rule")
    def rule(self, threshold):
        """ "mean over 30 min above 48 h"."""
        return tell_rule(threshold, threshold.kpi.unit)

    @admin.display(description="state")
    def light(self, threshold):
        """Shape and word."""
        if not threshold.pk:
            return "not yet judged"
        if threshold.retired_at:
            return f"{SHAPES[NONE]} deleted {write_time(threshold.retired_at)}"
        if not threshold.enabled:
            return f"{SHAPES[NONE]} switched off"
        view = get_view(threshold)
        light = tell_light(threshold, view)
        return ", ".join(part for part in (light, "flapping" if view.flapping else "", view.silenced) if part)

    @admin.display(description="explained")
    def explained(self, threshold):
        """The page that says why, and which version an open breach fired by."""
        if not threshold.pk:
            return "–"
        link = link_explanation("Why?", threshold.pk)
        breach = threshold.breaches.filter(recovered_at=None).first()
        fired = f"breach #{breach.pk} is open, fired by version {breach.version}" if breach else ""
        return format_html("{}{}{}", link, " · " if link and fired else "", fired) or "–"

    @admin.display(description="value when last judged")
    def last_value(self, threshold):
        """The value in human units, with when it was judged."""
        if not threshold.pk:
            return "–"
        view = get_view(threshold)
        return format_value(view.value, threshold.kpi.unit, threshold.aggregate, beside=threshold.limit)

    @admin.display(description="data")
    def data(self, threshold):
        """The health of the data, and since when; of one that is switched off nobody looks after it."""
        if not threshold.pk or not threshold.enabled:
            return "–"
        view = get_view(threshold)
        since = "" if view.data == "fresh" or not view.data_since else f" since {write_ms(view.data_since)}"
        named = DATA.get(view.data)
        if proves_nothing(view.data, threshold.aggregate):
            named = words.name_data(view.data, threshold.aggregate)
        return f"{named}{since}"

    @admin.display(description="slots missed")
    def missed(self, threshold):
        """How many slots nobody could judge."""
        return get_view(threshold).missed if threshold.pk else 0


def get_view(threshold):
    """The state of a threshold, read once per row object."""
    if not hasattr(threshold, "view"):
        threshold.view = read_states([threshold])[threshold.pk]
    return threshold.view


def tell_light(threshold, view):
    """Shape and words of a condition, as the overview says it; no timer is told of here."""
    condition = view.condition
    if not condition.is_judged:
        said = "Not judged yet"
    elif condition.name == UNJUDGED:
        said = words.tell_unjudged(write_ms(condition.unjudged_since))
    elif is_silence_rule(threshold):
        said = "Silent" if condition.name == SILENT else "Points come"
    elif condition.name == SILENT and condition.proves_nothing:
        said = words.name_data(view.data, threshold.aggregate).capitalize()
    elif condition.name == PENDING and threshold.operator not in words.UPPER:
        said = "Under limit for now"
    else:
        said = condition.label
    if condition.name == FIRING and condition.unjudged_since is not None:
        said = f"{said}, not judged since {write_ms(condition.unjudged_since)}"
    return f"{condition.shape} {said}"
