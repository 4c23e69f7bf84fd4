"""Days as people live them: local midnight, and the same time of another day. Pure."""

from datetime import datetime, time, timedelta

DAY = 86_400  # seconds


def find_midnight(ms, zone):
    """The start (ms) of the local day that holds ``ms``, in a ``tzinfo``."""
    local = datetime.fromtimestamp(ms / 1000, zone)
    return to_ms(datetime.combine(local.date(), time.min, zone))


def go_back(ms, days, zone):
    """The same local time ``days`` earlier, in ms; over a change of the clocks the time of day stays."""
    local = datetime.fromtimestamp(ms / 1000, zone)
    back = (local.replace(tzinfo=None) - timedelta(days=days)).replace(tzinfo=zone)
    return to_ms(back)


def to_ms(moment):
    """Milliseconds since the epoch."""
    return round(moment.timestamp() * 1000)


def describe_change(now, before):
    """How a figure stands against an earlier one: ``12 % more``, ``as many``; empty where none can tell."""
    if now is None or not before:
        return ""
    share = (now - before) / abs(before)
    percent = round(abs(share) * 100)
    if percent > 999:
        return f"{now / before:.0f} times as much" if now / before > 0 else ""
    return f"{percent} % {'more' if share > 0 else 'less'}" if percent else "the same"
