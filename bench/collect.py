"""The collector: points a second it reads, folds and applies under its fence, with 100 and 1,000 topics.

The bus is filled first with batches of 10,000 points of the last ten seconds;
then a collector turns until it is empty. A turn is the whole of it: reading,
folding, the atomic script, the topics' logs and one ring of the doorbell. The
references write the same points one command each, pipelined by the thousand:
`ZADD` of JSON into the sorted set, and `XADD` into a stream per topic.
"""

import time

from bench.feed import list_points, make_columns, split
from bench.references import sorted_set
from bench.runner import Row, Sample
from metrics_app import bus
from metrics_app.collector import collect_all
from metrics_app.queries import get_head


def run(stage, *, quick):
    """Two rows for each number of topics."""
    return [row for topics in (100, 1_000) for row in run_topics(stage, topics, quick=quick)]


def run_topics(stage, count, *, quick):
    """The rows of one number of topics: the same figures of ours beside either reference."""
    topics = [f"bench.collect.t{number}" for number in range(count)]
    size, rounds = (20_000, 1) if quick else (500_000, 5)
    names = {"one ZADD a point": sorted_set.add_many, "one XADD a point": sorted_set.append_many}
    ours, references = [], {name: [] for name in names}
    for _ in range(rounds):
        stage.clear()
        ours.append(time_ours(topics, size))
        with stage.relaxed_sync():
            for name, write in names.items():
                references[name].append(time_reference(stage, write, topics, size // 5))
    return [
        Row(
            case=f"{count:,} topics".replace(",", " "),
            unit="points/s",
            ours=Sample(tuple(ours)),
            reference=Sample(tuple(sample)),
            reference_name=name,
        )
        for name, sample in references.items()
    ]


def time_ours(topics, size):
    """Points a second from a full bus to an empty one, every point accounted for."""
    # The topics are known before, as they are in a collector that runs for a while.
    for batch in split(*make_columns(len(topics), span=10), topics):
        bus.publish(batch)
    collect_all()
    for batch in split(*make_columns(size, span=10), topics):
        bus.publish(batch)
    start = time.perf_counter()
    collect_all()
    duration = time.perf_counter() - start
    held = sum(get_head(topic).total for topic in topics)
    if held != size + len(topics):
        raise RuntimeError(f"{held} points were counted of {size + len(topics)}")
    return size / duration


def time_reference(stage, write, topics, size):
    """Points a second of one command per point."""
    points = list_points(*make_columns(size, span=10), topics)
    start = time.perf_counter()
    write(stage.redis, points)
    return size / (time.perf_counter() - start)
