"""A project that measures, for tests of what becomes of an effect: ten days of hours, which prove nothing."""

HOUR_MS = 3_600_000
DAYS = 10


def describe_effect(topic, rule):
    """A KPI of which less is better."""
    measure = {"name": topic, "better": "lower", "kind": "mean", "of": "values", "label": "mean"}
    return measure | {"unit": "seconds", "zone": "UTC", "told": ""}


def hours(topic, start, end):
    """The last ten days of the span, the same in every hour."""
    starts = list(range(end - DAYS * 24 * HOUR_MS, end, HOUR_MS))
    return {"starts": starts, "sums": [80.0] * len(starts), "counts": [2] * len(starts)}


def list_events(topic, start, end):
    """Nothing else happened."""
    return {"breaches": [], "edits": [], "notes": [], "voids": []}
