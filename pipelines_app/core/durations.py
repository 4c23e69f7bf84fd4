"""Spans of time by name; each name carries its unit, so that no line mixes two.

``_MS``: milliseconds, as times and slots are; ``_S``: seconds, as windows and durations are;
``_H``: whole hours, as effects are measured in.
"""

SECOND_MS = 1_000
MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000

HOUR_S = 3_600
DAY_S = 86_400

DAY_H = 24
WEEK_H = 168
