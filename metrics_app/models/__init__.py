"""Rows of the app: the registry, the keys, the thresholds and what came of them, the history.

Times of events (slots, breaches) are integer milliseconds since the epoch, as
points are; ``DateTimeField`` says when a row was written. Durations are seconds.
"""

from metrics_app.models.breaches import Breach, BreachEvent, EvaluationRecord
from metrics_app.models.history import (
    LATE,
    Correction,
    DayRollup,
    Generation,
    HourRollup,
    Loss,
    MinuteRollup,
    Recording,
    ShardHistory,
    Topic,
)
from metrics_app.models.imports import Import, ImportedId
from metrics_app.models.kpis import ApiKey, Kpi, Restriction, validate_topic
from metrics_app.models.notes import Note, NoteChange
from metrics_app.models.notices import Notice, Receiver
from metrics_app.models.silences import Silence
from metrics_app.models.thresholds import Threshold, ThresholdState, ThresholdVersion

__all__ = [
    "LATE",
    "ApiKey",
    "Breach",
    "BreachEvent",
    "Correction",
    "DayRollup",
    "EvaluationRecord",
    "Generation",
    "HourRollup",
    "Import",
    "ImportedId",
    "Kpi",
    "Silence",
    "Loss",
    "MinuteRollup",
    "Note",
    "NoteChange",
    "Notice",
    "Receiver",
    "Recording",
    "Restriction",
    "ShardHistory",
    "Threshold",
    "ThresholdState",
    "ThresholdVersion",
    "Topic",
    "validate_topic",
]
