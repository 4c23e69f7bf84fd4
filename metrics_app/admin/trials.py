"""What the form of a threshold asks while one types: nothing here is written."""

from django.core.exceptions import PermissionDenied
from django.http import JsonResponse
from django.urls import path
from django.views.decorators.http import require_POST

from metrics_app.admin.threshold_form import ThresholdForm
from metrics_app.core.moments import WHOLE
from metrics_app.exceptions import BadInput, BusUnavailable
from metrics_app.models import Threshold
from metrics_app.services.rules.backtest import backtest_last, describe
from metrics_app.services.rules.repeats import warn_of_repeats
from metrics_app.services.rules.suggest import suggest

ASKED = ("kpi", "aggregate", "aggregate_value", "window", "operator", "zone")  # what a suggestion depends on


class ThresholdTrials:
    """The addresses at which the form tries a rule and asks for one; beside ``ModelAdmin``."""

    def get_urls(self):
        """Before those of the model."""
        views = {"backtest": self.try_rule, "suggest": self.suggest_rule}
        own = [
            path(
                f"{name}/",
                self.admin_site.admin_view(require_POST(view)),
                name=f"metrics_app_threshold_{name}",
            )
            for name, view in views.items()
        ]
        return [*own, *super().get_urls()]

    def try_rule(self, request):
        """What the rule in the posted form would have done."""
        form, kpi = self.read_form(request)
        if form.errors:
            return JsonResponse({"faults": list(form.errors)})
        return answer(
            lambda: add_repeats(describe(backtest_last(form.instance, kpi.topic), form.instance, kpi), form)
        )

    def suggest_rule(self, request):
        """What the KPI's own history suggests for the rule in the posted form."""
        form, kpi = self.read_form(request)
        if faults := [name for name in ASKED if name in form.errors]:
            return JsonResponse({"faults": faults, "parts": []})
        asked = {name: form.cleaned_data[name] for name in ASKED[1:]}
        return answer(lambda: suggest(Threshold(kpi=kpi, **asked), kpi))

    def read_form(self, request):
        """The posted form, judged, and its KPI or None; 403 for who may not write it."""
        if not (self.has_add_permission(request) or self.has_change_permission(request)):
            raise PermissionDenied
        pk = request.POST.get("backtest_of", "")
        threshold = self.get_queryset(request).filter(pk=int(pk)).first() if WHOLE.match(pk) else None
        form = ThresholdForm(request.POST, instance=threshold)
        if threshold is not None:
            # A threshold stays with its KPI.
            del form.fields["kpi"]
        else:
            form.fields["kpi"].queryset = self.limit_choices(form.fields["kpi"].queryset, request)
        form.full_clean()
        kpi = threshold.kpi if threshold else form.cleaned_data.get("kpi")
        return form, kpi


def add_repeats(found, form):
    """The answer, which also warns of texts that repeat numbers the rule in the form has not."""
    repeats = [f"{sentence}." for sentence in warn_of_repeats([form.instance])[0]]
    return found | {"warning": " ".join(filter(None, (found["warning"], *repeats)))}


def answer(ask):
    """What ``ask`` finds as JSON, or why it finds nothing."""
    try:
        return JsonResponse(ask())
    except (BadInput, BusUnavailable) as error:
        return JsonResponse({"sentence": str(error), "warning": "", "parts": []})
