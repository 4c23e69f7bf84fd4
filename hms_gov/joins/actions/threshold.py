"""An action that moves the limit of a threshold, unless somebody changed the rule meanwhile."""

import copy
import math
import re
import time

from django.db import transaction

from metrics_app.core.rule_fields import read_field
from metrics_app.core.text.phrases import tell_changes, tell_field
from metrics_app.exceptions import BadInput as BadRule
from metrics_app.exceptions import ChangedMeanwhile
from metrics_app.models import Threshold
from metrics_app.services.rules.fields import check_rule
from metrics_app.services.rules.repeats import warn_of_repeats
from metrics_app.services.rules.thresholds import save_threshold
from pipelines_app.core.fields import check_known, shorten
from pipelines_app.exceptions import BadInput, Impossible
from pipelines_app.queries import find_approver

FIELDS = ("limit", "recovery_limit")
NUMBER = re.compile(r"\s*[+-]?[.,]?[0-9]")  # how a limit begins in every unit


def change_threshold(order):
    """Saves the limits of ``{"threshold", "limit", "recovery_limit"}``, once per key; what changed, in words.

    The new version of the rule names the proposal, and its author is who approved it.
    """
    params = order.parameters
    with transaction.atomic():
        threshold = Threshold.objects.select_for_update().filter(pk=params["threshold"]).first()
        if threshold is None:
            raise Impossible(f"threshold #{params['threshold']} was deleted meanwhile")
        if not threshold.versions.filter(reason__endswith=f"({order.key})").exists():
            save_change(threshold, order)
    stale = "".join(f"; {sentence}" for sentence in warn_of_repeats([threshold])[0])
    return f"{params['name']}: {tell_change(params)}{stale}"


def save_change(threshold, order):
    """The new version of a locked threshold; Impossible where somebody else was first, or nothing is left."""
    if same := tell_same(threshold, order.parameters):
        raise Impossible(same)
    for name in FIELDS:
        if name in order.parameters:
            setattr(threshold, name, order.parameters[name])
    by = find_approver(order.proposal, order.version)
    reason = f"Proposal #{order.proposal} “{order.title}” ({order.key})"
    try:
        save_threshold(
            threshold, by=by, reason=reason, seen=order.parameters["version"], now=find_next_second()
        )
    except (BadRule, ChangedMeanwhile) as error:
        raise Impossible(f"{order.parameters['name']}: {error}") from None


def find_next_second():
    """When the next whole second begins (ms): rules are judged at whole seconds.

    At the one that has begun, the timeline would tell of the change, and of what came of it, before the
    proposal that made it began.
    """
    return (int(time.time()) + 1) * 1000


def check_change(params):
    """BadInput for what names no limit, or a threshold that does not exist."""
    check_known(params, required=(), optional=("threshold", *FIELDS))
    if not params.keys() & set(FIELDS):
        raise BadInput("expected a limit, such as 52 h, or a recovery_limit", field="action_params")
    # Without one it is the threshold that proposes, whose unit is not known here.
    threshold = find_threshold(params["threshold"]) if "threshold" in params else None
    for name in FIELDS:
        if name in params and threshold is not None:
            read_limit(name, params[name], threshold)
        elif name in params:
            check_shape(name, params[name])


def check_change_for(params, rule):
    """BadInput for limits that a threshold cannot have, where ``rule``, saved or not, proposes the change."""
    number = params.get("threshold", rule.pk)
    target = copy.copy(rule) if number == rule.pk else find_threshold(number)
    refuse_other_kpi(target, number, rule.kpi.topic)
    apply_limits(target, params)


def apply_limits(threshold, params):
    """Sets the limits on an unsaved row and answers them as numbers; BadInput for what it cannot have."""
    limits = {name: read_limit(name, params[name], threshold) for name in FIELDS if name in params}
    for name, value in limits.items():
        setattr(threshold, name, value)
    # What it will propose itself is not the question here.
    threshold.action, threshold.action_params = "", {}
    try:
        check_rule(threshold)
    except BadRule as error:
        raise BadInput(f"“{threshold}” cannot be so: {error}", field="action_params") from None
    return limits


def refuse_other_kpi(threshold, number, topic):
    """BadInput for a threshold of another KPI than the one it is about."""
    if threshold.kpi.topic != topic:
        raise BadInput(
            f"threshold #{number} watches {threshold.kpi.topic}, and the proposal is about another KPI",
            field="action_params",
        )


def check_again(order):
    """BadInput where the threshold is gone, no longer the one that was approved, or is so already."""
    threshold = find_threshold(order.parameters["threshold"])
    if threshold.versions.filter(reason__endswith=f"({order.key})").exists():
        return
    refuse_same(threshold, order.parameters)
    if threshold.version != order.parameters["version"]:
        raise BadInput(f"“{order.parameters['name']}” was changed meanwhile", field="action_params")


def refuse_same(threshold, limits):
    """BadInput where a threshold has those limits (numbers) already."""
    if same := tell_same(threshold, limits):
        raise BadInput(same, field="action_params")


def tell_same(threshold, limits):
    """Why there is nothing to change on a threshold; empty where one of its limits is another."""
    present = {name: getattr(threshold, name) for name in FIELDS if name in limits}
    if any(limits[name] != value for name, value in present.items()):
        return ""
    unit, rule = threshold.kpi.unit, {"aggregate": threshold.aggregate}
    told = [f"{name.replace('_', ' ')} is {tell_field(name, present[name], rule, unit)}" for name in present]
    return f"nothing to change: “{threshold}”, whose {' and '.join(told)} already"


def check_shape(name, value):
    """BadInput for what is a limit in no unit."""
    empty = value is None and name == "recovery_limit"
    is_number = type(value) in (int, float) and math.isfinite(value)
    if not (empty or is_number or isinstance(value, str) and NUMBER.match(value)):
        raise BadInput(f"{name}: {shorten(value)} is no limit such as 52 h", field="action_params")


def list_thresholds(params):
    """The threshold that it changes, as an entry that names evidence."""
    return [{"threshold": params["threshold"]}] if "threshold" in params else []


def freeze_change(params, evidence):
    """The limits as numbers, of which threshold in which version, and what they are now.

    BadInput for a threshold of another KPI than the proposal's, for limits it cannot have, and for those
    it has: a rule may keep such an action once it was carried out, but nobody should approve it again.
    """
    fired = evidence.get("threshold") if isinstance(evidence.get("threshold"), dict) else {}
    number = params.get("threshold", fired.get("id"))
    if number is None:
        raise BadInput("action_params must say which threshold, by its id", field="action_params")
    threshold = find_threshold(number)
    about = evidence.get("kpi") if isinstance(evidence.get("kpi"), dict) else {}
    refuse_other_kpi(threshold, number, about.get("topic"))
    before = {name: getattr(threshold, name) for name in FIELDS if name in params}
    frozen = {"threshold": number, "version": threshold.version, "name": str(threshold), "before": before}
    limits = apply_limits(copy.copy(threshold), params)
    refuse_same(threshold, limits)
    return limits | frozen | {"unit": threshold.kpi.unit, "aggregate": threshold.aggregate}


def thaw_change(params):
    """What was asked for, of what ``freeze_change`` made: those limits, of that threshold."""
    return {name: params[name] for name in ("threshold", *FIELDS) if name in params}


def find_threshold(number):
    """The threshold with an id; BadInput."""
    found = None
    if type(number) is int and 0 < number < 2**63:
        rows = Threshold.objects.filter(pk=number, retired_at=None, kind=Threshold.Kind.LIMIT)
        found = rows.select_related("kpi").first()
    if found is None:
        raise BadInput(f"there is no threshold {shorten(number)}", field="action_params")
    return found


def read_limit(name, value, threshold):
    """A number, or a text such as ``52 h`` in the unit of the threshold's KPI; BadInput."""
    try:
        return read_field(name, value, threshold.kpi.unit, threshold.aggregate)
    except BadRule as error:
        raise BadInput(f"{name}: {error}", field="action_params") from None


def describe_change(params):
    """Which rule, from what to what."""
    if "before" not in params:
        return "changes the threshold that proposes it"
    if all(params[name] == value for name, value in params["before"].items()):
        # As it was frozen when that was not refused yet.
        return f"would change nothing of “{params['name']}”"
    return f"changes “{params['name']}”: {tell_change(params)}"


def tell_change(params):
    """``limit: 48 h → 52 h``."""
    aggregate = {"aggregate": params["aggregate"]}
    after = {name: params[name] for name in FIELDS if name in params}
    return tell_changes(params["before"] | aggregate, after | aggregate, params["unit"])


change_threshold.names = list_thresholds
change_threshold.check = check_change
change_threshold.check_for = check_change_for
change_threshold.check_again = check_again
change_threshold.freeze = freeze_change
change_threshold.thaw = thaw_change
change_threshold.describe = describe_change
