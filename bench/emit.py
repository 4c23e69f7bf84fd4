"""What `emit()` costs its caller: nanoseconds a call, the median and the slowest percent.

Called in bursts of 1,000, with time between them to be sent, as a request that
counts things would; nothing may be dropped. The reference waits for a `ZADD` of
JSON on each call, with Redis' own default of one sync a second.
"""

import time

from bench.feed import now_ms
from bench.references import sorted_set
from bench.runner import Row, Sample
from metrics_app import client
from metrics_app.client import emit

TOPIC = "bench.emit"
BURST = 1_000


def run(stage, *, quick):
    """A row for the median and one for the 99th percentile."""
    rounds = 2 if quick else 10
    ours, reference = [], []
    for number in range(rounds):
        ours.append(time_burst(lambda index: emit(TOPIC, index)))
        client.flush()
        with stage.relaxed_sync():
            start = now_ms() + number * BURST
            reference.append(
                time_burst(
                    lambda index, start=start: sorted_set.add(stage.redis, TOPIC, start + index, index)
                )
            )
    note = f"{client.dropped} dropped of {rounds * BURST}"
    return [make_row(name, share, ours, reference, note) for name, share in (("median", 0.5), ("p99", 0.99))]


def time_burst(call):
    """The sorted durations of a burst of calls, in ns."""
    clock, durations = time.perf_counter_ns, []
    for index in range(BURST):
        start = clock()
        call(index)
        durations.append(clock() - start)
    return sorted(durations)


def make_row(name, share, ours, reference, note):
    """The row of one percentile of each burst."""
    place = int(share * (BURST - 1))
    return Row(
        case=name,
        unit="ns a call",
        ours=Sample(tuple(burst[place] for burst in ours)),
        reference=Sample(tuple(burst[place] for burst in reference)),
        reference_name="ZADD of JSON a call",
        more_is_better=False,
        note=note,
    )
