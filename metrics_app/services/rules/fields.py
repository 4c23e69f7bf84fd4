"""What a threshold may say: each field with its bounds and a message that names them."""

import json
import math

from django.utils.module_loading import import_string

from metrics_app import conf
from metrics_app.core.aggregates import SHARE, get_aggregate, list_names
from metrics_app.core.calendars import check_zone
from metrics_app.core.classes import is_beyond
from metrics_app.core.durations import DAY_S
from metrics_app.core.text.counts import count_words
from metrics_app.core.text.entries import is_duration
from metrics_app.core.text.literals import is_nested_deeper, show
from metrics_app.exceptions import BadInput
from metrics_app.models import Threshold, ThresholdVersion

# Whole numbers and their bounds; all but min_count in seconds.
BOUNDS = {
    "window": (1, 31 * DAY_S),
    "interval": (1, DAY_S),
    "pending_for": (0, 31 * DAY_S),
    "keep_firing_for": (0, 31 * DAY_S),
    "no_data_for": (0, 31 * DAY_S),
    "cooldown": (0, 31 * DAY_S),
    "delay": (0, DAY_S),
    "min_count": (1, 1_000_000_000),
}
CHOICES = {
    "operator": Threshold.Operator.values,
    "no_data": Threshold.NoData.values,
    "severity": Threshold.Severity.values,
}
TEXTS = ("name", "title", "suggestion", "action")
SHORT, LONG = 300, 7 * DAY_S  # seconds a trend can be fitted to: from some whole minutes on
# What turns the direction of writing: a title could read backwards to whoever has to decide on it.
DIRECTION_MARKS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
MAX_PARAMS = 10_000  # characters of action_params as JSON
MAX_DEPTH = 20  # levels of action_params


def check_rule(threshold):
    """BadInput with every fault of an unsaved ``Threshold``."""
    errors = list_faults(threshold)
    if errors:
        raise BadInput("; ".join(message for _, message in errors), errors=list_errors(errors))


def list_faults(threshold):
    """``[(field, message)]`` of an unsaved ``Threshold``; empty for a good one."""
    faults = [*check_choices(threshold), *check_numbers(threshold), *check_limits(threshold)]
    return [*faults, *check_texts(threshold), *check_action(threshold, is_sound=not faults)]


def check_reason(reason):
    """BadInput for a reason that no version can keep."""
    longest = ThresholdVersion._meta.get_field("reason").max_length
    if not isinstance(reason, str) or len(reason) > longest or not is_storable(reason):
        raise BadInput(f"reason must be a text of at most {longest} characters", field="reason")


def list_errors(errors):
    """The errors of a ``BadInput`` from ``(field, message)`` pairs."""
    return [{"field": field, "message": message} for field, message in errors]


def check_choices(threshold):
    """Faults of the fields with a fixed set of words."""
    for field, choices in (CHOICES | {"aggregate": list_names()}).items():
        value = getattr(threshold, field)
        if value not in choices:
            yield field, f"{show(value)} is not one of {', '.join(choices)}"
    for field in ("enabled", "judge_partial"):
        value = getattr(threshold, field)
        if type(value) is not bool:
            yield field, f"{show(value)} is neither true nor false"
    yield from check_clock(threshold)


def check_clock(threshold):
    """Faults of the zone by whose clock a change finds the window before; nothing else has one."""
    zone = threshold.zone
    if not isinstance(zone, str):
        yield "zone", f"{show(zone)} is not a text"
    elif zone and not get_aggregate(threshold.aggregate).is_change:
        yield "zone", f"is {show(zone)}, and only {', '.join(list_names('is_change'))} compare by a clock"
    elif zone:
        try:
            check_zone(zone)
        except BadInput as error:
            yield "zone", str(error)


def check_numbers(threshold):
    """Faults of whole numbers."""
    for field, (low, high) in BOUNDS.items():
        value = getattr(threshold, field)
        unit = "" if field == "min_count" else " seconds"
        if type(value) is not int:
            yield field, f"{show(value)} is not a whole number of{unit or ' points'}"
        elif not low <= value <= high:
            span = f" ({count_words(high // DAY_S, 'day')})" if high >= DAY_S and unit else ""
            yield field, f"{value} is not between {low} and {high}{unit}{span}"
        elif field == "window" and get_aggregate(threshold.aggregate).is_trend and not SHORT <= value <= LONG:
            yield (
                field,
                f"{value} s is no window of a trend: expected {SHORT} (5 min) to {LONG} (7 days)",
            )


def check_limits(threshold):
    """Faults of the limit and of the side on which it recovers."""
    yield from check_value(threshold)
    limit, recovery = threshold.limit, threshold.recovery_limit
    if not is_finite(limit):
        yield "limit", f"{show(limit)} is not a finite number"
    elif recovery is not None and not is_finite(recovery):
        yield "recovery_limit", f"{show(recovery)} is not a finite number"
    elif outside := [*list_negative(threshold), *list_no_shares(threshold)]:
        yield from outside
    elif recovery is not None and recovery != limit and is_beyond(recovery, threshold.operator, limit):
        side = "above" if threshold.operator in ("gt", "gte") else "below"
        expected = "at most" if side == "above" else "at least"
        yield (
            "recovery_limit",
            f"{recovery:g} is {side} the limit: a threshold that fires {side} {limit:g} "
            f"recovers at {expected} {limit:g}",
        )


def check_value(threshold):
    """Faults of the value that shares and trends ask for, and nothing else does."""
    value = threshold.aggregate_value
    asks = get_aggregate(threshold.aggregate).asks
    if not asks:
        if value is not None:
            known = ", ".join(list_names("asks"))
            yield "aggregate_value", f"is {show(value)}, and only {known} ask for one"
    elif value is None:
        yield "aggregate_value", f"is missing: {threshold.aggregate} asks {asks}"
    elif not is_finite(value):
        yield "aggregate_value", f"{show(value)} is not a finite number"


def list_negative(threshold):
    """Faults of the limits of a duration, which is never less than nothing."""
    if not has_kpi(threshold) or not is_duration(threshold.kpi.unit, threshold.aggregate):
        return []
    numbers = {field: getattr(threshold, field) for field in ("limit", "recovery_limit")}
    reason = f"is negative: {threshold.kpi.topic} is a duration, expected 0 s or more"
    return [
        (field, f"{number:g} {reason}")
        for field, number in numbers.items()
        if number is not None and number < 0
    ]


def has_kpi(threshold):
    """Whether its KPI is known: a rule test has none, and that of a file may not be saved yet."""
    return bool(threshold.kpi_id or Threshold.kpi.is_cached(threshold))


def list_no_shares(threshold):
    """Faults of the limits of a share, which is from nothing to all of the points."""
    if get_aggregate(threshold.aggregate).kind != SHARE:
        return []
    numbers = {field: getattr(threshold, field) for field in ("limit", "recovery_limit")}
    return [
        (field, f"{number:g} % is no share: expected 0 to 100 %")
        for field, number in numbers.items()
        if number is not None and not 0 <= number <= 100
    ]


def is_finite(value):
    """Whether a value is a finite number (and not true or false)."""
    return type(value) in (int, float) and math.isfinite(value)


def check_texts(threshold):
    """Faults of texts: too long, or with characters no database keeps."""
    for field in TEXTS:
        value, longest = getattr(threshold, field), Threshold._meta.get_field(field).max_length
        if not isinstance(value, str):
            yield field, f"{show(value)} is not a text"
        elif len(value) > longest:
            yield field, f"has {len(value)} characters, at most {longest} are allowed"
        elif not is_storable(value):
            yield field, f"{show(value)} holds a character that cannot be stored"
        elif DIRECTION_MARKS.intersection(value):
            yield field, f"{show(value)} holds a character that turns the direction of writing"


def is_storable(text):
    """Whether PostgreSQL takes a text: no NUL, no half of a surrogate pair."""
    return "\x00" not in text and not any("\ud800" <= character <= "\udfff" for character in text)


def check_action(threshold, *, is_sound=True):
    """Faults of the action: its name must be known, its parameters JSON that it can work with.

    A rule that is sound so far is shown to the action, which may know more of what it proposes.
    """
    action, path = threshold.action, conf.get("ACTIONS")
    known = import_string(path)() if isinstance(action, str) and action and path else None
    unknown = known is not None and action not in known
    if unknown:
        yield "action", f"{action!r} is no action; known are: {', '.join(sorted(known)) or 'none'}"
    faults = list(check_params(threshold.action_params))
    yield from faults
    if isinstance(known, dict) and not unknown and not faults:
        rule = threshold if is_sound and has_kpi(threshold) else None
        yield from ask_action(known[action], threshold.action_params, rule)


def ask_action(check, params, rule):
    """Faults of the parameters that the action itself finds; ``check`` None: it takes any."""
    check_for = getattr(check, "check_for", None)
    try:
        if check_for is not None and rule is not None:
            check_for(params, rule)
        elif check is not None:
            check(params)
    except ValueError as error:
        yield "action_params", str(error)


def check_params(params):
    """Faults of the action's parameters: what JSON or a database cannot hold, or too much of it."""
    if not isinstance(params, dict):
        yield "action_params", f"{show(params)} is not a JSON object"
        return
    if is_nested_deeper(params, MAX_DEPTH):
        yield "action_params", f"is nested too deeply: at most {MAX_DEPTH} levels are allowed"
        return
    try:
        text = json.dumps(params, allow_nan=False, ensure_ascii=False)
    except (ValueError, TypeError):
        yield "action_params", "holds something that JSON has no form for, such as NaN"
        return
    if len(text) > MAX_PARAMS:
        yield "action_params", f"has {len(text)} characters as JSON, at most {MAX_PARAMS} are allowed"
    elif not is_storable(text) or "\\u0000" in text:
        yield "action_params", "holds a character that cannot be stored"
