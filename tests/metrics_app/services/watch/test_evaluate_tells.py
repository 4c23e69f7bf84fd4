"""Changed lights reach the streams, and a crossed limit becomes exactly one proposal."""

import asyncio
import time

import pytest
from channels.layers import get_channel_layer

from metrics_app import live
from metrics_app.models import Breach
from metrics_app.services.watch.announce import announce
from metrics_app.services.watch.evaluate import evaluate
from metrics_app.tasks import watch
from pipelines_app.models import Pipeline
from tests.metrics_app.watching import HOUR, TOPIC, make_threshold, send

MINUTE = 60_000


async def hear(deliver):
    """The first message a hub receives while ``deliver`` runs in another thread."""
    layer = get_channel_layer()
    channel = await layer.new_channel("hub.")
    await layer.group_add(live.group_name(), channel)
    await asyncio.to_thread(deliver)
    return await asyncio.wait_for(layer.receive(channel), 5)


@pytest.mark.django_db(transaction=True)
async def test_a_changed_light_is_announced_to_the_streams(base):
    threshold = await asyncio.to_thread(make_threshold, now=base)
    await asyncio.to_thread(send, (base - 1000, 60 * HOUR))
    message = await hear(lambda: evaluate(now=base + 1))
    assert message["type"] == "state"
    assert message["events"] == [
        [
            {
                "type": "state",
                "topic": TOPIC,
                "threshold": threshold.pk,
                "state": "firing",
                "value": 60.0 * HOUR,
                "since": base,
                "judged_at": base,
            },
            TOPIC,
            base,
            "fresh",
            False,
        ]
    ]


@pytest.mark.django_db
def test_the_worked_example_opens_exactly_one_proposal(base):
    make_threshold(now=base)
    send(*((base - n * MINUTE - 1000, 60 * HOUR) for n in range(5)))
    for minute in range(4):
        evaluate(now=base + minute * MINUTE + 1)
        announce()
    pipeline = Pipeline.objects.get()
    assert (pipeline.title, pipeline.suggestion) == ("Response time breach", "Hire 2 temp agents")
    assert Breach.objects.get().outcome == f"proposed #{pipeline.pk}"
    assert pipeline.origin == f"breach:{Breach.objects.get().pk}"


@pytest.mark.django_db
def test_beat_needs_two_seconds_at_most_from_the_point_to_the_proposal():
    now = int(time.time() * 1000)
    make_threshold(now=now - 2_000, interval=1)
    send((now - 3_000, 60 * HOUR))
    watch()
    assert Pipeline.objects.count() == 1
