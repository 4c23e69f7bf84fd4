"""Both halves of a comparison, as they are known today: for whoever asks why a window has no value."""

from metrics_app.core.aggregates import get_aggregate
from metrics_app.core.durations import MINUTE_MS
from metrics_app.core.text.comparisons import Held
from metrics_app.core.trends import cover
from metrics_app.exceptions import NotKept
from metrics_app.queries.asking import Asked, ask, list_observations
from metrics_app.queries.buckets import read_buckets
from metrics_app.queries.observations import make_plain, observe_plain
from metrics_app.queries.recorded import take_value


def find_held(topic, rule, slot):
    """The ``Held`` of what a rule compares at a slot (ms); None for one that compares nothing."""
    one = get_aggregate(rule.aggregate)
    if one.is_change:
        return find_windows(topic, rule, slot)
    return find_minutes(topic, rule, slot) if one.is_trend else None


def find_windows(topic, rule, slot):
    """The window of a change, and the one before."""
    asked = Asked.of([ask(topic, rule, slot)])
    now, before = (make_plain(asked, earlier=earlier) for earlier in (False, True))
    seen, earlier = (list_observations(*observe_plain(one))[0] for one in (now, before))
    start, end = before.starts.item(), before.ends.item()
    # An empty window is a rate of 0 only where somebody counted in it.
    value = take_value(earlier, topic, start, end)
    return Held(seen.n, None, start, end, before_n=earlier.n, before=value)


def find_minutes(topic, rule, slot):
    """The points of a trend's window, and how many of its whole minutes hold some."""
    start = slot - rule.window * 1000
    _, n = observe_plain(Asked.of([(topic, start, slot, "count")]))
    first, last = cover(start, slot)
    edges = list(range(first, last + 1, MINUTE_MS))
    try:
        parts = read_buckets(topic, edges, step=MINUTE_MS)[0] if len(edges) > 1 else []
    except NotKept:
        return Held(n.item())
    return Held(n.item(), sum(1 for part in parts if part.count))
