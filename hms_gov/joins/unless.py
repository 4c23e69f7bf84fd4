"""What a rejection waits for: values as people type them, and the first slot at which one has come.

Slots are whole minutes, judged as the evaluator judges them: only up to where the points are
collected, so that a collector that stands still is not read as a KPI that is well. Times are ms.
"""

from types import SimpleNamespace

from hms_gov.joins.quantities import read_rule, write_seen
from metrics_app import queries
from metrics_app.core.classes import BREACH, classify
from metrics_app.core.durations import HOUR_MS, MINUTE_MS
from metrics_app.core.spans import ceil
from metrics_app.core.text.entries import parse_value
from metrics_app.core.watch import Observation
from metrics_app.exceptions import BadInput as BadValue
from metrics_app.registry import get_kpi
from pipelines_app.exceptions import BadInput


def read_value(topic, rule, text):
    """The number that a text such as ``60 h`` means in a rule's quantity; BadInput."""
    kpi = get_kpi(topic)
    try:
        return parse_value(text, kpi.unit if kpi else "", rule["aggregate"], field="value")
    except BadValue as error:
        raise BadInput(str(error), field="value") from None


def find_crossing(topic, rule, after, end):
    """``{"at", "value", "text", "n"}`` of the first slot in (after, end] beyond a rule's limit.

    ``rule`` has a ``min_count`` besides the fields of ``quantities``, and the limit that values are written
    ``beside``. At most the last hour is looked
    at; ``at`` is None where there is no such slot, and the rest that of the newest one, or None where none
    is collected yet. None where the topic has no KPI.
    """
    kpi = get_kpi(topic)
    if kpi is None:
        return None
    end = min(end, queries.collected_through()[queries.shard_for(topic)])
    slots = range(ceil(max(after, end - HOUR_MS) + 1, MINUTE_MS), end + 1, MINUTE_MS)
    more = {"recovery_limit": None, "min_count": rule["min_count"], "judge_partial": False}
    judged = SimpleNamespace(**vars(read_rule(kpi, rule)), **more)
    written = read_rule(kpi, rule | {"limit": rule["beside"]})
    found = {"at": None, "value": None, "text": "", "n": 0}
    asked = [queries.ask(topic, judged, slot) for slot in slots]
    partial = queries.find_partial(queries.Asked.of(asked)).tolist()
    for slot, one, is_partial in zip(slots, queries.observe(asked) if slots else (), partial, strict=True):
        found |= {"value": one.value, "n": int(one.n), "text": write_seen(kpi, written, one.value)}
        if classify(judged, Observation(*one, is_partial)) == BREACH:
            return found | {"at": slot}
    return found
