"""A project for tests of "no, unless": its KPI is what they say it is, in hours."""

from pipelines_app.exceptions import BadInput
from pipelines_app.services import propose

TITLE, TOPIC = "Response time breach", "complaint.latency"
KPI = {"value": 54.0, "away": False, "crossed": None}


def forget():
    """As if nothing had happened."""
    KPI.update({"value": 54.0, "away": False, "crossed": None})


def measure(topic, rule, end, *, draw_from=None, cost_from=None):
    """The value that the tests have set."""
    if KPI["away"]:
        raise OSError("no answer")
    return describe(rule, KPI["value"])


def describe(rule, value):
    words = {"label": "mean over 30 min", "unit": "h", "text": f"{value:g} h", "value": value, "n": 3}
    return words | {"rule": rule, "limit_text": f"{rule['limit']:g} h", "fault": ""}


def freeze(topic, start, end):
    """Nothing."""
    return {}


def read_value(topic, rule, text):
    """The number of ``60 h``."""
    number = text.removesuffix("h").strip()
    if not number.isdecimal():
        raise BadInput(f"{text!r} is not a value: expected such as 60 h", field="value")
    return float(number)


def find_crossing(topic, rule, after, end):
    """What the tests say has come, where it is beyond the limit."""
    if KPI["away"]:
        raise OSError("no answer")
    came = KPI["value"] > rule["limit"]
    return {"at": end if came else None, "value": KPI["value"], "text": f"{KPI['value']:g} h", "n": 3}


def make_evidence(value=54.0):
    """What a rule judged: a mean above 48 h."""
    rule = {"aggregate": "mean", "aggregate_value": None, "window": 1800, "operator": "gt", "limit": 48.0}
    return {"value": value, "operator": "gt", "limit": 48.0, "n": 3, "quantity": describe(rule, value)}


def open_breach(number=1, *, title=TITLE, **more):
    """``(pipeline, created)`` of a breach of that number."""
    wanted = {"suggestion": "Hire 2 temp agents", "kpi": KPI["value"], "topic": TOPIC, "unit": "h"}
    wanted |= {"origin": f"breach:{number}", "evidence": make_evidence(), "proposer_name": "a rule"}
    return propose(title=title, **wanted | more)
