"""Frozen evidence as a list for people; it may hold anything that whoever proposed it sent."""

from django.utils.html import format_html, format_html_join

from pipelines_app.cards.writing import to_local, write
from pipelines_app.core.limits import SIDES
from pipelines_app.core.telling import write_in_full

FARTHEST = 253_402_214_400_000  # ms; the last day a date can be, whatever the reader's zone
NOT_LISTED = {"minutes", "companions", "unit", "operator", "proposal", "quantity"}
TIMES = {
    "since": "Beyond the limit since",
    "slot": "Fired",
    "measured_from": "Measured from",
    "measured_to": "Measured to",
}
NAMES = {"kpi": "KPI", "n": "Points", "threshold": "Threshold", "not_measured": "No chart, because"}


def is_number(value):
    """Whether a value of the evidence is a number."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def read_units(evidence, pipeline):
    """``(unit, aggregate)`` that write a value of the evidence: its quantity's own unit says it all."""
    evidence = evidence if isinstance(evidence, dict) else {}
    quantity = evidence.get("quantity")
    if isinstance(quantity, dict):
        return str(quantity.get("unit", "")), None
    aggregate = evidence.get("aggregate")
    return pipeline.unit, aggregate if isinstance(aggregate, str) and aggregate else None


def write_figure(value, pipeline):
    """A value of the evidence in the reader's units."""
    return write(value, *read_units(pipeline.evidence, pipeline))


def write_claim(value, pipeline):
    """What a proposer said, in the unit it came with, which need not be that of the evidence."""
    return write(value, pipeline.unit, read_units(pipeline.evidence, pipeline)[1])


def write_time(ms):
    """Milliseconds as every time in the admin is written; what is no time, as it is."""
    return write_in_full(to_local(ms)) if 0 <= ms < FARTHEST else str(ms)


def list_facts(pipeline, evidence):
    """``[(name, text), …]`` of what is shown of the evidence, the lists of numbers left to the JSON."""
    if not isinstance(evidence, dict):
        return []
    facts = list_quantity(evidence.get("quantity"))
    facts += [(tell_name(key), tell_fact(key, value, pipeline)) for key, value in evidence.items()]
    return [(name, text) for name, text in facts if text] + list_companions(evidence.get("companions"))


def list_quantity(quantity):
    """What was measured, by the project's name for it."""
    label = quantity.get("label") if isinstance(quantity, dict) else None
    return [("Measured", label)] if isinstance(label, str) else []


def tell_name(key):
    """The name of a field in words."""
    return TIMES.get(key) or NAMES.get(key) or key.replace("_", " ").capitalize()


def tell_fact(key, value, pipeline):
    """One field in words; empty for what a line cannot hold."""
    if key in NOT_LISTED or value is None:
        return ""
    if isinstance(value, dict):
        return tell_thing(value)
    if not is_number(value):
        return {True: "yes", False: "no"}[value] if isinstance(value, bool) else tell_text(value)
    return tell_amount(key, value, pipeline)


def tell_amount(key, value, pipeline):
    """A number of the evidence in the unit its field has."""
    if key in TIMES:
        return write_time(value)
    if key == "window":
        return write(value, "seconds")
    if key == "step":
        return write(value / 1000, "seconds")
    if key == "limit":
        operator = pipeline.evidence.get("operator")
        side = SIDES.get(operator, "") if isinstance(operator, str) else ""
        return f"{side} {write_figure(value, pipeline)}".strip()
    if key in {"value", "recovery_limit", "peak"}:
        return write_figure(value, pipeline)
    return write(value)


def tell_text(value):
    """A text of the evidence; lists stay in the JSON."""
    return value if isinstance(value, str) else ""


def tell_thing(thing):
    """A KPI, a threshold or a breach by its name, version or number; other objects stay in the JSON."""
    name, number, topic = thing.get("name"), thing.get("id"), thing.get("topic")
    text = str(name or topic or (f"#{number}" if number else ""))
    if text and topic and topic != text:
        text += f" ({topic})"
    version = thing.get("version")
    return f"{text}, version {version}" if text and version else text


def list_companions(companions):
    """The neighbouring KPIs as they stood, a line each."""
    return [
        (name, f"{value} ({made})" if made else value) for name, value, made in split_companions(companions)
    ]


def split_companions(companions):
    """``[(name, value, what it was made of), …]`` of the neighbours, for a page that sets them apart."""
    if not isinstance(companions, list):
        return []
    return [(tell_companion(one), *split_level(one)) for one in companions if isinstance(one, dict)]


def tell_companion(companion):
    """The name of a neighbour."""
    return str(companion.get("name") or companion.get("topic") or "Beside it")


def split_level(companion):
    """A neighbour's value and what it was made of, in the project's words where it had any."""
    value, window, unit, made = (companion.get(name) for name in ("value", "window", "unit", "aggregate"))
    if isinstance(companion.get("text"), str):
        return companion["text"], str(companion.get("label") or "")
    unit, made = (one if isinstance(one, str) and one else "" for one in (unit, made))
    text = write(value if is_number(value) else None, unit, made or None)
    return text, f"{made or 'measured'} over {write(window, 'seconds')}" if is_number(window) else ""


def write_facts(facts):
    """``[(name, text), …]`` as a list of the page."""
    if not facts:
        return "–"
    return format_html('<dl class="facts">{}</dl>', format_html_join("", "<dt>{}</dt><dd>{}</dd>", facts))
