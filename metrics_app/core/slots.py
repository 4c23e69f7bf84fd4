"""Slots: the multiples of an interval in UTC, and which of them are to be judged.

Slots are ms since the epoch, intervals are seconds. Daylight saving knows no
slots: UTC neither skips nor doubles one.
"""

import numpy as np

HOT_MS = 3_600_000 + 300_000  # Redis keeps the last hour and ten minutes more; half of those are slack
NEVER = 2**62  # ms; the due moment of a rule that is not judged: later than any mark


def find_span(rule, mark):
    """``(from, until)`` ms: the slots that can be judged while the mark (ms) stands where it does."""
    return mark - HOT_MS + min(rule.window, 3600) * 1000, mark - rule.delay * 1000 - 1


def find_spans(windows, delays, marks):
    """``find_span`` of many rules: arrays, all of them in ms."""
    return marks - HOT_MS + np.minimum(windows, 3_600_000), marks - delays - 1


def next_slot(interval, last_slot, extra=None):
    """The slot after ``last_slot``: the next multiple, or an extra one that comes before it."""
    regular = (last_slot // (interval * 1000) + 1) * interval * 1000
    return extra if extra is not None and last_slot < extra < regular else regular


def list_due(interval, last_slot, extra, *, until, hot_from, most):
    """``(slots, following)``: at most ``most`` to judge, in order, and the one after them.

    Slots are newer than the last, not before ``hot_from`` and not after ``until``.
    """
    slots = []
    slot = next_slot(interval, max(last_slot, hot_from - 1), extra)
    while slot <= until and len(slots) < most:
        slots.append(slot)
        slot = next_slot(interval, slot, extra)
    return slots, slot


def measure_gap(interval, last_slot, slot):
    """``(ms the timers may grow, slots missed)`` between two judged slots.

    Missed slots move the running timers: what nobody saw does not count.
    """
    missed = (slot - 1) // (interval * 1000) - last_slot // (interval * 1000) if last_slot else 0
    return min(slot - last_slot, interval * 1000), missed
