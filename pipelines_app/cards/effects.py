"""What acting can prove, said before anybody decides; and what came of it, once it is judged."""

import math
from dataclasses import dataclass

from django.utils import timezone

from pipelines_app import queries
from pipelines_app.cards.writing import to_local, write
from pipelines_app.core import measuring, telling
from pipelines_app.core.counts import count_words
from pipelines_app.core.durations import DAY_H, HOUR_MS
from pipelines_app.core.effect_records import Reason
from pipelines_app.core.moments import to_ms

MINUS = "−"
# Why an effect is not measured at all.
UNMEASURED = {
    measuring.NO_TOPIC: "no KPI measures it",
    measuring.NO_KPI: "nothing measures its KPI",
    measuring.NO_DIRECTION: "nobody has said which way its KPI is better",
    measuring.UNREADABLE: "its KPI could not be read when it was opened",
}
# Why one that is measured proves nothing.
INCONCLUSIVE = {
    Reason.SHORT_HISTORY: "less than 180 days of its KPI are known from before",
    Reason.EMPTY_DAY: "a day of the span has no points",
    Reason.EXTREME: "its KPI has numbers too large or too small to be reckoned with",
    Reason.FEW_MOMENTS: "too few moments like it are known from before",
    Reason.NOTHING_BEFORE: "its KPI has no points in the weeks before",
    Reason.WIDE: "so much change comes by itself",
    measuring.UNREADABLE: "its KPI could not be read for months",
    measuring.TAMPERED: "the frozen plan is no longer as it was frozen",
}


def tell_promise(planned, now):
    """What acting now can prove: ``Its effect is judged on 6 December; in 7 days a change under 19 % …``."""
    if planned is None:
        return "Its effect is not measured: it was opened before effects were."
    if not measuring.is_judged(planned):
        return f"Its effect is not measured: {UNMEASURED[planned['reason']]}."
    plan, at = planned["plan"], to_ms(now)
    span = measuring.find_span(planned, carried_out_at=at, decided_at=at)
    lead = f"Its effect is judged on {tell_day(span['judged_at'])}"
    days = plan["span"] // DAY_H
    if planned["reason"] == measuring.UNREADABLE:
        return f"{lead}; what acting can prove could not be read."
    if planned["reason"]:
        return f"{lead}, but {INCONCLUSIVE[planned['reason']]}: expect no verdict."
    if plan["half_width_percent"] is not None:
        part = f"a change under {plan['half_width_percent']:.0f} %"
        return f"{lead}; in {count_words(days, 'day')} {part} could not be told from chance."
    side = "below" if plan["better"] == "lower" else "above"
    value = write_value(plan["effective_at"], planned["measure"])
    return f"{lead}; only {count_words(days, 'day')} {side} {value} would prove it effective."


def tell_day(ms):
    """``6 December``, with the year where it is not this one's."""
    return write_day(to_local(ms))


def write_day(day):
    """A date, or the day of a moment, in the same words."""
    return telling.tell_day(day, timezone.localtime(), month="%B")


def write_value(value, measure, beside=None):
    """A value of what is judged, in the reader's units."""
    return write(value, measure["unit"], beside=beside)


def write_percent(value):
    """``−18``, with a plain sign in front."""
    rounded = round(value)
    return f"{MINUS if rounded < 0 else '+' if rounded > 0 else ''}{abs(rounded)}"


@dataclass(frozen=True)
class Outcome:
    """An effect in words: ``sentence`` of the verdict, ``why`` it proves nothing, what else there is to say.

    ``rows`` are ``(name, value)`` of the table; ``confounders`` ``(when in ms, words, id or None)``.
    """

    verdict: str
    sentence: str
    why: str = ""
    told: str = ""
    rows: tuple = ()
    confounders: tuple = ()
    fault: str = ""
    closed: str = ""


def describe_outcome(pipeline):
    """The ``Outcome`` of a proposal, None until it is judged."""
    effect = queries.find_effect(pipeline)
    if effect is None:
        return None
    document, fault = queries.read_effect(effect)
    closed = f"Closed by {effect.closed_by_name}: “{effect.closed_reason}”" if effect.closed_at else ""
    if document is None:
        return Outcome(pipeline.state, "", fault=fault, closed=closed)
    document = queries.show_actions(pipeline, document)
    found, measure = document["effect"], document["measure"]
    why = f"Nothing can be said: {INCONCLUSIVE[found['reason']]}." if found["reason"] else ""
    return Outcome(
        found["verdict"],
        tell_effect(found, measure),
        why,
        measure["told"] if measure else "",
        (*list_rows(found, measure), *list_ignored(document["days"])) if measure else (),
        tuple(list_confounders(document["confounders"])),
        closed=closed,
    )


def tell_effect(found, measure):
    """``31 h, expected 38 h (34 to 42): −18 % (−27 to −8)``; plainly where nothing was expected."""
    if measure is None:
        return ""
    if found["expected"] is None:
        return tell_plainly(found["plain"], measure)
    return f"{tell_expected(found, measure)}{tell_change(found, measure)}"


def tell_expected(found, measure):
    """``1,125 open, expected 1,736 (1,466 to 2,057)``; ``31 h, expected 38 h (34 h to 42 h)``."""
    seen, *others = (
        write_value(found[name], measure, beside=found["expected"])
        for name in ("observed", "expected", "expected_low", "expected_high")
    )
    # Durations are written in units of their own, each in the two that suit it.
    expected, low, high = (text.removesuffix(f" {measure['unit']}") for text in others)
    return f"{seen}, expected {expected} ({low} to {high})"


def tell_change(found, measure):
    """``: −18 % (−27 to −8)``; in the unit where there is no per cent."""
    if found["percent"] is None:
        change, low, high = (
            write_value(found[name], measure) for name in ("change", "change_low", "change_high")
        )
        return f": {change} ({low} to {high})"
    change, low, high = (write_percent(found[name]) for name in ("percent", "percent_low", "percent_high"))
    return f": {change} % ({low} to {high})"


def tell_plainly(plain, measure):
    """The means before and after, which nobody should take for a judgement."""
    before, after = (
        "nothing measured" if plain[name] is None else write_value(plain[name], measure)
        for name in ("before", "after")
    )
    percent = "" if plain["percent"] is None else f" ({write_percent(plain['percent'])} %, by chance or not)"
    return f"{before} before, {after} after{percent}"


def list_rows(found, measure):
    """``(name, value)`` of the table beside the chart."""
    yield "Judged", f"{measure['label']} {tell_span(found['judged_from'], found['judged_to'])}"
    if found.get("recorded") is not None:
        yield "Recorded", tell_recorded(found)
    if found["expected"] is not None:
        yield "Observed", tell_observed(found, measure)
        yield "Expected", write_value(found["expected"], measure, beside=found["expected"])
        low, high = (write_value(found[f"expected_{end}"], measure) for end in ("low", "high"))
        yield "Expected, 95 %", f"{low} to {high}"
        yield "Change", tell_change(found, measure).removeprefix(": ")
        yield "Learnt from", count_words(found["moments"], "moment")
    yield "Plainly compared", tell_plainly(found["plain"], measure)


def tell_recorded(found):
    """``156 of 168 hours; a total takes the rest as 0, though nobody counted``."""
    whole = (found["judged_to"] - found["judged_from"]) // HOUR_MS
    # What is not whole is not recorded.
    missing = whole - math.floor(found["recorded"] + 1 / 60)
    if missing <= 0:
        return f"all {count_words(whole, 'hour')}"
    known = f"{whole - missing} of {count_words(whole, 'hour')}"
    return f"{known}; a total takes the rest as 0, though nobody counted"


def tell_observed(found, measure):
    """What was judged, and the plain mean of the span, as the days of chart and CSV have it."""
    seen, plain = (
        write_value(value, measure, beside=found["expected"])
        for value in (found["observed"], found["plain"]["after"])
    )
    if seen == plain:
        return f"{seen}, with the usual rhythm of the week and without"
    return f"{seen} without the usual rhythm of the week ({plain} with it)"


def tell_span(begin, end):
    """``from 22 September 2026 to the end of 28 September 2026`` of [begin, end) in ms.

    Inside of days by hours.
    """
    first, last = to_local(begin), to_local(end)
    if f"{first:%H%M}{last:%H%M}" == "00000000":
        days = (telling.tell_whole_day(one, month="%B") for one in (first, to_local(end - 1)))
        return f"from {' to the end of '.join(days)}"
    return telling.tell_span(first, last)


def list_ignored(days):
    """The row of the breaches that nobody acted on, whose courses are drawn beside it."""
    days = [tell_day(one["at"]) for one in (days or {}).get("ignored", ())]
    if days:
        yield "Breaches nobody acted on", ", ".join(days)


def list_confounders(told):
    """``(when in ms, words, id of a proposal or None)`` of what else may have moved the KPI."""
    words = {"notes": "Note", "edits": "The rule was changed", "voids": "Points that do not count"}
    found = [
        (one["at"], f"{words[name]}: {one['text']}", None) for name in words for one in told.get(name, ())
    ]
    found += [(one["at"], f"Together with #{one['id']}", one["id"]) for one in told.get("actions", ())]
    return sorted(found, key=lambda one: one[0])
