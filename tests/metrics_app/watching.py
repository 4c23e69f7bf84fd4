"""What tests of the watch share: a KPI, a threshold, points that went through bus and collector."""

import numpy as np

from metrics_app.bus import publish
from metrics_app.collector import collect_all
from metrics_app.models import Kpi, Threshold
from metrics_app.services import ages
from metrics_app.services.rules.thresholds import save_threshold

TOPIC = "complaint.latency"
HOUR = 3600
# The worked example: mean over 30 minutes above 48 h.
RULE = {
    "aggregate": "mean",
    "window": 1800,
    "operator": "gt",
    "limit": 48 * HOUR,
    "interval": 60,
    "title": "Response time breach",
    "suggestion": "Hire 2 temp agents",
}


def make_threshold(topic=TOPIC, *, now, by=None, unit="seconds", **rule):
    """A saved threshold whose first slot is the whole second of ``now`` (ms)."""
    kpi, _ = Kpi.objects.get_or_create(topic=topic, defaults={"unit": unit})
    return save_threshold(Threshold(kpi=kpi, **(RULE | rule)), by=by, now=now)


def send(*points, topic=TOPIC):
    """Points ``(ts in ms, value)`` through the bus and the collector."""
    ts, values = zip(*points, strict=True)
    publish({topic: (np.array(ts, "int64"), np.array(values, "float64"))})
    collect_all()


PARTS = ("evaluator", "archiver", "notices", "errands")


def let_all_work():
    """A site whose collector, evaluator and drains have just worked."""
    collect_all()
    ages.noted.clear()
    for part in PARTS:
        ages.note_work(part)


def events_of(breach):
    """The kinds of a breach's timeline, in order."""
    return list(breach.timeline.values_list("kind", flat=True))
