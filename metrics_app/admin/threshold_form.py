"""The analyst's form of a threshold: human units in, every fault at its field."""

from django import forms
from django.utils.module_loading import import_string

from metrics_app import conf
from metrics_app.admin.fields import DurationField, ParamsField, ValueField, read_value
from metrics_app.core.text.entries import write_value
from metrics_app.exceptions import BadInput, ChangedMeanwhile
from metrics_app.models import Threshold
from metrics_app.services.rules.fields import check_rule
from metrics_app.services.rules.thresholds import check_seen

LIMIT_HELP = (
    "For a KPI in seconds, and for a trend, write '48 h' or '10 min'; for a count or a rate, and for other "
    "KPIs, a number."
)
DURATIONS = {
    "window": "How far the rule looks back: '30 min'.",
    "interval": "Time between two evaluations: '1 min'.",
    "pending_for": "It must be beyond the limit this long before it fires. '0 s': at once.",
    "keep_firing_for": "It must be on the good side this long before it has recovered.",
    "cooldown": "Beyond the limit again within this time after a recovery: the same breach, no new proposal.",
    "delay": "How long an evaluation waits for points that arrive late.",
    "no_data_for": "Silence shorter than this changes nothing.",
}


def make_duration(name):
    """The ``DurationField`` of a model field."""
    return DurationField(initial=Threshold._meta.get_field(name).default, help_text=DURATIONS[name])


class ThresholdForm(forms.ModelForm):
    """A threshold with durations and limits in human units, and a reason for the change."""

    window = make_duration("window")
    interval = make_duration("interval")
    pending_for = make_duration("pending_for")
    keep_firing_for = make_duration("keep_firing_for")
    cooldown = make_duration("cooldown")
    delay = make_duration("delay")
    no_data_for = make_duration("no_data_for")
    limit = ValueField(help_text=LIMIT_HELP)
    aggregate_value = ValueField(
        required=False,
        help_text="For a share the value it divides at, for a trend the one it leads to: '48 h'.",
    )
    recovery_limit = ValueField(
        required=False,
        help_text="It recovers only once it is back at this, so that it does not flicker. Empty: the limit.",
    )
    action_params = ParamsField(
        required=False,
        initial=dict,
        label="Action parameters",
        help_text="An object of JSON, handed to the action.",
    )
    reason = forms.CharField(
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"size": 60}),
        help_text="Why it is set like this; kept with the version. Who changes the rule later reads it here.",
    )

    # The version that the form shows: ``version`` itself is shown, not asked.
    seen = forms.IntegerField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Threshold
        fields = [
            *(
                "kpi",
                "name",
                "aggregate",
                "aggregate_value",
                "window",
                "operator",
                "limit",
                "recovery_limit",
                "pending_for",
            ),
            *("keep_firing_for", "min_count", "no_data", "no_data_for", "interval", "delay", "severity"),
            *("zone", "judge_partial"),
            *("cooldown", "enabled", "title", "suggestion", "action", "action_params"),
        ]
        labels = {"kpi": "KPI", "zone": "Clock", "judge_partial": "Judge what is known in part"}
        help_texts = {
            "min_count": "A window with fewer points than this is not judged. A count, a sum or a rate asks "
            "for none: no points are what it counts.",
            "missed": "Evaluations that nobody could make in time, because no evaluator ran while "
            "their points were kept. They count neither as beyond nor as within the limit.",
        }

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        if self.instance.pk:
            for name in ("limit", "recovery_limit"):
                self.initial[name] = write_value(
                    getattr(self.instance, name), *self.find_unit(self.instance.kpi)
                )
            value, unit = self.instance.aggregate_value, self.instance.kpi.unit
            self.initial["aggregate_value"] = write_value(value, unit)
            self.initial["seen"] = self.instance.version
        path = conf.get("ACTIONS")
        if path and "action" in self.fields:
            names = [("", "nothing: people do it by hand"), *((name, name) for name in import_string(path)())]
            help_text = self.fields["action"].help_text
            self.fields["action"] = forms.ChoiceField(choices=names, required=False, help_text=help_text)

    def find_unit(self, kpi):
        """``(unit, aggregate)`` that say how a limit is written."""
        aggregate = (
            self.cleaned_data.get("aggregate") if self.is_bound and hasattr(self, "cleaned_data") else None
        )
        return kpi.unit, aggregate or self.instance.aggregate

    def clean_action_params(self):
        """An empty field is an empty object."""
        params = self.cleaned_data["action_params"]
        return {} if params is None else params

    def clean(self):
        """Reads the limits in the unit of the KPI that was chosen."""
        data = super().clean()
        kpi = self.instance.kpi if self.instance.pk else data.get("kpi")
        # Without a KPI its field says so; a limit is then read either way, as of a duration.
        unit = self.find_unit(kpi) if kpi is not None else ("seconds", "mean")
        for name in ("limit", "recovery_limit", "aggregate_value"):
            if name in data:
                # What a share divides at is a value of the KPI; its limit is per cent.
                number = read_value(self, name, unit[0], "mean" if name == "aggregate_value" else unit[1])
                if name in data:
                    data[name] = number
        return data

    def _post_clean(self):
        """The rules of the API, at their fields; after those of the model."""
        super()._post_clean()
        if self.errors:
            return
        try:
            check_rule(self.instance)
            check_seen(self.instance, self.cleaned_data.get("seen"))
        except ChangedMeanwhile as error:
            self.add_error(
                None, f"{str(error)[:1].upper()}{str(error)[1:]}. What you entered stands below, unsaved."
            )
            # Whoever saves again has been told.
            self.data = self.data.copy()
            self.data[self.add_prefix("seen")] = error.version
        except BadInput as error:
            for fault in error.errors:
                self.add_error(fault["field"], fault["message"])
