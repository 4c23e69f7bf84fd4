"""Rows of the app: the registry, the keys, the thresholds and what came of them.

Times of events (slots, breaches) are integer milliseconds since the epoch, as
points are; ``DateTimeField`` says when a row was written. Durations are seconds.
"""

from metrics_app.models.breaches import Breach, BreachEvent, EvaluationRecord
from metrics_app.models.kpis import Aggregate, ApiKey, Kpi, validate_topic
from metrics_app.models.silences import Silence
from metrics_app.models.thresholds import Threshold, ThresholdState, ThresholdVersion

__all__ = [
    "Aggregate",
    "ApiKey",
    "Breach",
    "BreachEvent",
    "EvaluationRecord",
    "Kpi",
    "Silence",
    "Threshold",
    "ThresholdState",
    "ThresholdVersion",
    "validate_topic",
]
