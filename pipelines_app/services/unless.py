"""“No, unless”: what a rejection waits for, checked against the rule that opened the proposal."""

from datetime import UTC, datetime, timedelta

from django.utils import timezone

from pipelines_app.core.fields import check_number, shorten
from pipelines_app.core.limits import SIDES, is_beyond, is_worse
from pipelines_app.core.moments import find_midnight
from pipelines_app.core.unless import FIELD, LONGEST_D, MOST_TIMES, Unless, say_unless
from pipelines_app.exceptions import BadInput, NotMeasured
from pipelines_app.queries.measuring import ask, can_answer
from pipelines_app.queries.unless import find_judged, measure_unless

VALUE, UNTIL = f"{FIELD}.value", f"{FIELD}.until"
READING = "read_value"  # a project that does not answer it leaves texts to be plain numbers


def make_unless(pipeline, given, now):
    """The Unless of what ``core.unless.check_unless`` let through.

    BadInput names the field, the value and what is expected; NotMeasured: the KPI cannot be read now.
    """
    quantity, why_not = find_judged(pipeline)
    if why_not:
        raise BadInput(f"{why_not}: reject it without a value to wait for", field=FIELD)
    end, until = find_end(given["until"], now)
    opened = quantity["rule"]
    # Values are told beside the limit that people know: both in hours, or both in days.
    rule = opened | {"beside": opened["limit"], "limit": read_value(given["value"], pipeline.topic, opened)}
    present = read_present(pipeline.topic, opened, now)
    refuse_absurd(given["value"], rule["limit"], quantity, present)
    present |= {"limit_text": read_present(pipeline.topic, rule, now)["limit_text"]}
    refuse_better(quantity, rule, present)
    return Unless(
        value=rule["limit"],
        text=present["limit_text"],
        label=present["label"],
        unit=present["unit"],
        rule=rule,
        until=until,
        said=say_unless(rule["operator"], present["limit_text"], end),
    )


def find_end(given, now):
    """``(end as it is told, moment)`` of a date, which it includes, or a moment; BadInput."""
    zone = timezone.get_default_timezone()
    today = now.astimezone(zone).date()
    last = today + timedelta(days=LONGEST_D)
    expected = f"expected a day from {today} to {last}, or a moment in that time"
    if isinstance(given, datetime):
        if not now < given <= now + timedelta(days=LONGEST_D):
            raise BadInput(f"until is {given.isoformat()}: {expected}", field=UNTIL)
        return given.astimezone(zone), given
    if not today <= given <= last:
        raise BadInput(f"until is {given}: {expected}", field=UNTIL)
    return given, find_midnight(given + timedelta(days=1), zone).astimezone(UTC)


def read_value(given, topic, rule):
    """The number of a value in the rule's quantity; the project reads texts, where it can. BadInput."""
    if not isinstance(given, str):
        return given
    try:
        number = ask(READING, topic, rule, given) if can_answer(READING) else read_number(given)
        return check_number(number, field="value")
    except BadInput as error:
        raise BadInput(str(error), field=VALUE) from None


def read_number(text):
    """A text that is a number and nothing else; BadInput."""
    try:
        return float(text)
    except ValueError:
        raise BadInput(f"value is {shorten(text)}: expected a number such as 60", field="value") from None


def read_present(topic, rule, now):
    """What the rule sees now, and its limit in words; BadInput where nothing measures it, NotMeasured."""
    try:
        present = measure_unless(topic, rule, now)
    except Exception as error:
        raise NotMeasured(f"{topic} cannot be read right now, so nothing can wait for it: {error}") from error
    if present is None:
        told = f"nothing measures {topic} any more: reject it without a value to wait for"
        raise BadInput(told, field=FIELD)
    return present


def refuse_absurd(given, value, quantity, present):
    """BadInput for a value that never comes: it would keep a title silent to the end of the watch."""
    known = (
        (quantity["rule"]["limit"], present["limit_text"]),
        (quantity.get("value"), quantity.get("text")),
        (present["value"], present["text"]),
    )
    largest, text = max((pair for pair in known if pair[0] is not None), key=lambda pair: abs(pair[0]))
    # Of nothing but noughts there is no multiple.
    if largest and abs(value) > MOST_TIMES * abs(largest):
        raise BadInput(
            f"value is {shorten(given)}, more than {MOST_TIMES:,} times {text}, the largest of its limit, "
            "its value when it was opened and its value now: expected one that can come",
            field=VALUE,
        )


def refuse_better(quantity, rule, present):
    """BadInput for a value that is no worse than what it was opened with, or has come already."""
    operator, value, text = rule["operator"], rule["limit"], present["limit_text"]
    known = quantity.get("value")
    opened, opened_text = (
        (quantity["rule"]["limit"], quantity["limit_text"]) if known is None else (known, quantity["text"])
    )
    if not is_worse(value, opened, operator):
        raise BadInput(
            f"value is {text}, no worse than the {opened_text} that it was opened with: "
            f"expected a value {SIDES[operator].removeprefix('at or ')} {opened_text}",
            field=VALUE,
        )
    if is_beyond(present["value"], rule):
        raise BadInput(
            f"value is {text}, and it is {present['text']} now: expected a value that has not come yet",
            field=VALUE,
        )
