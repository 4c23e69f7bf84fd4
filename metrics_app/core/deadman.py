"""The dead man: a rule that only asks whether points still come.

It is judged by the same ``step`` as every other. Its value can never be beyond its
limit, so all it can do is to open a data breach: at the first slot whose window, one
expected interval long, holds no point. The next point closes it.
"""

import sys

SILENCE = "silence"  # the kind of threshold
SHORTEST, LONGEST = 10, 31 * 86_400  # seconds between points that can be expected
CLOSEST, WIDEST = 5, 300  # seconds between two looks


def make_silence_rule(expected):
    """The fields of the threshold that expects a point every ``expected`` seconds."""
    return {
        "aggregate": "min",
        "window": expected,
        "operator": "gt",
        # The smallest of finite values is never greater than this.
        "limit": sys.float_info.max,
        "min_count": 1,
        "no_data": "fire",
        "no_data_for": 0,
        # Often enough that a tenth of the interval is the most that is lost.
        "interval": max(CLOSEST, min(WIDEST, expected // 10)),
    }


def is_silence_rule(rule):
    """Whether anything with a threshold's fields is a dead man."""
    return getattr(rule, "kind", "") == SILENCE
