"""Numbers that people repeat in the texts about a rule: "Answered within 48 h" at a limit of 10 min.

What is generated from a rule follows it; what was typed stays, so whoever changes the rule is told.
A *rule* has a threshold's fields, ``unit`` is its KPI's. Numbers written as words are not found.
"""

import re
from typing import NamedTuple

from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.text.entries import AMOUNT, SECONDS, is_duration, read_parts
from metrics_app.core.text.phrases import tell_field

# Durations of a rule; ``interval`` and ``delay`` say how it is judged, and nobody promises them.
SPANS = ("window", "pending_for", "keep_firing_for", "no_data_for", "cooldown")
LIMITS = ("limit", "recovery_limit")
NUMBERS = (*LIMITS, "aggregate_value", *SPANS)
# The texts that say what the rule is; a suggestion may well speak of other times.
NAMING = ("name", "title")

UNITS = "|".join(sorted((name for name in SECONDS if name), key=len, reverse=True))
# "48 h", "48-hour", "2 d 4 h", "90", "12.5 %": not the 2 of "PM2.5", of "r2" or of "2026-03-01".
STEP = rf"(?:{AMOUNT})[\s-]?(?:{UNITS})(?![a-z])"
MENTION = re.compile(rf"(?<![\w.,:/#-])(?:(?P<span>{STEP}(?:\s*{STEP})*)|(?P<plain>{AMOUNT})(?![\w:/-]))")


class Mention(NamedTuple):
    """A number in a text: as it is ``said``, its ``value`` (seconds of a duration), whether it is one."""

    said: str
    value: float
    is_span: bool


def list_mentions(text):
    """The Mentions of a text, in order: "Within 48 h" has one of 172800 seconds."""
    return [read_mention(found) for found in MENTION.finditer(text.lower())]


def read_mention(found):
    """The Mention of a match."""
    said = found[0].strip()
    if found["span"]:
        parts = read_parts(said.replace("-", " "))
        return Mention(said, round(sum(amount * SECONDS[unit] for amount, unit in parts), 6), True)
    return Mention(said, float(said.replace(",", ".")), False)


def list_numbers(rule, unit):
    """``{(value, is it a duration): field}`` of a rule's numbers; the first field of each counts."""
    found = {}
    for name in NUMBERS:
        value = read(rule, name)
        if value is not None and not (name in SPANS and value == 0):
            found.setdefault((round(float(value), 6), is_span(rule, name, unit)), name)
            if scale := find_scale(rule, name, unit):
                found.setdefault((round(float(value) * scale, 6), True), name)
    return found


def find_scale(rule, name, unit):
    """How many seconds one of a field is whose unit is another time: 3600 of "hours"; None of all others."""
    if name in SPANS:
        return None
    aggregate = "mean" if name == "aggregate_value" else read(rule, "aggregate")
    own = get_aggregate(aggregate).unit_of(unit) or ""
    return SECONDS.get(own.strip().lower()) if own and own != "seconds" else None


def is_span(rule, name, unit):
    """Whether a field of a rule is a duration."""
    aggregate = "mean" if name == "aggregate_value" else read(rule, "aggregate")
    return name in SPANS or is_duration(unit, aggregate)


def read(rule, name):
    """A field of a rule: a row, or a dict as a version keeps it."""
    return rule.get(name) if isinstance(rule, dict) else getattr(rule, name, None)


def list_repeats(texts, rule, earlier, unit):
    """``[(name, sentence)]`` of the ``texts`` {name: text} that repeat numbers which the rule no longer has.

    A number that an ``earlier`` version had and this one has not is stale in any text; a duration that is
    none of the rule's at all only in its name and title, which say what it is.
    """
    present, past = list_numbers(rule, unit), {}
    for one in earlier:
        past |= {number: (name, one) for number, name in list_numbers(one, unit).items()}
    told = []
    for name, text in texts.items():
        for mention in list_mentions(text):
            key = (mention.value, mention.is_span)
            if key in present:
                continue
            if key in past:
                told.append((name, tell_stale(name, text, mention, past[key][0], rule, unit)))
            elif mention.is_span and name in NAMING:
                told.append((name, tell_unknown(name, text, mention, rule, unit)))
    return list(dict.fromkeys(told))


def tell_stale(name, text, mention, field, rule, unit):
    """That a text repeats what a field was."""
    return f"{quote(name, text)} says {mention.said}, but the {write(field)} is {tell(rule, field, unit)} now"


def tell_unknown(name, text, mention, rule, unit):
    """That a name speaks of a time that is none of the rule's."""
    limit = f" (limit {tell(rule, 'limit', unit)}, window {tell(rule, 'window', unit)})"
    return f"{quote(name, text)} says {mention.said}, which is no time of this rule{limit}"


def quote(name, text):
    """ "The title “Over 48 h”"."""
    return f"The {write(name)} “{text}”"


def write(field):
    """A field in words."""
    return field.replace("_", " ")


def tell(rule, field, unit):
    """The present value of a field in words."""
    rule = {name: read(rule, name) for name in ("aggregate", field)}
    return tell_field(field, rule[field], rule, unit)
