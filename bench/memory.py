"""Redis memory of a million points that are spread over an hour and 100 topics: MB.

Ours holds the summaries (rings, details, sketches), the newest raw points of
each topic and all the bookkeeping; the reference is one sorted set per topic.
Buffers of clients and of the append-only file are left out on both sides. Both
must hold every point: whoever lost one is named.
"""

from bench.feed import feed_ours, list_points, make_columns
from bench.references import sorted_set
from bench.runner import Row, Sample
from metrics_app.queries import get_head

TOPICS = [f"bench.memory.t{number}" for number in range(100)]


def run(stage, *, quick):
    """A row for random floats and one for whole numbers."""
    size = 20_000 if quick else 1_000_000
    return [run_values(stage, size, integers=integers) for integers in (False, True)]


def run_values(stage, size, *, integers):
    """The row of one kind of values; one round, because memory has no noise."""
    ts, values = make_columns(size, span=3_540, integers=integers)
    ours = measure(stage, lambda: feed_ours(ts, values, TOPICS))
    held = sum(get_head(topic).total for topic in TOPICS)
    with stage.relaxed_sync():
        points = list_points(ts, values, TOPICS)
        reference = measure(stage, lambda: sorted_set.add_many(stage.redis, points))
    return Row(
        case=f"{'whole numbers' if integers else 'random floats'} ({size:,} points)".replace(",", " "),
        unit="MB per million points",
        ours=Sample((ours / size,)),
        reference=Sample((reference / size,)),
        reference_name="sorted set",
        more_is_better=False,
        note=tell_losses(size, held, sorted_set.count(stage.redis, TOPICS)),
    )


def measure(stage, fill):
    """Bytes of Redis memory that ``fill`` adds to an empty server."""
    stage.clear()
    before = stage.measure_memory()
    fill()
    return stage.measure_memory() - before


def tell_losses(size, ours, reference):
    """Who holds fewer points than were sent."""
    lost = {"ours": size - ours, "the reference": size - reference}
    return ", ".join(f"{who} lost {count}" for who, count in lost.items() if count) or "none lost"
