"""The track record of a suggestion in words."""

from pipelines_app.cards.effects import write_percent
from pipelines_app.cards.writing import write
from pipelines_app.core.counts import write_times
from pipelines_app.core.states import State
from pipelines_app.core.track_records import TOUCHED

ALL, POOLED = "approved", "pooled"
# What each kind of case is called in the line, for one and for more; what is not here is not told there.
COUNTED = {
    State.INEFFECTIVE: ("once without effect", "{} without effect"),
    State.HARMFUL: ("once harmful", "{} harmful"),
    State.INCONCLUSIVE: ("once inconclusive", "{} inconclusive"),
    TOUCHED: ("once not as it was judged, which does not count", "{} not as judged, which do not count"),
}


def list_parts(record):
    """``(text, which cases)`` of the record in one line; none where it was never approved.

    ``approved 7 times``, ``together −14 % (−19 to −8)``, ``2 without effect``, ``once harmful``.
    """
    if not record.cases:
        return []
    pooled = [(tell_pool(pool, is_first=pool is record.pools[0]), POOLED) for pool in record.pools]
    counts = [(kind, len(record.list_ids(kind))) for kind in COUNTED]
    told = [(COUNTED[kind][count > 1].format(count), str(kind)) for kind, count in counts if count]
    return [(f"approved {write_times(len(record.cases))}", ALL), *pooled, *told]


def tell_pool(pool, *, is_first=True):
    """``together −14 % (−19 to −8)``; of one case ``measured once: −18 % (−27 to −8)``."""
    lead = "together" if len(pool.cases) > 1 else "measured once:"
    return f"{lead if is_first else f'apart from these, {lead}'} {write_pool(pool)}"


def write_pool(pool):
    """``−14 % (−19 to −8)``, or in the KPI's unit."""
    if pool.is_ratio:
        value, low, high = map(write_percent, (pool.value, pool.low, pool.high))
        return f"{value} % ({low} to {high})"
    value, low, high = (write(one, pool.unit) for one in (pool.value, pool.low, pool.high))
    return f"{value} ({low} to {high})"


def tell_record(record):
    """The line as a text; empty where it was never approved."""
    return ", ".join(text for text, _ in list_parts(record))
