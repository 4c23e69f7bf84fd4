"""A slice of a log: cut, split and joined, it keeps its offsets, its points and its order."""

import json

import numpy as np
import pytest

from metrics_app.core.slices import Slice, join_slices

T0 = 1_732_400_000_000


def make(first=5, count=7, **options):
    """A slice whose values are its offsets."""
    offsets = np.arange(first, first + count)
    return Slice("a.b", "0123abcd", first, T0 + offsets, offsets.astype(float), **options)


def spell(part):
    """Its offsets and values, which are to be the same."""
    assert part.values.tolist() == list(range(part.first_offset, part.next))
    assert (part.topic, part.epoch, len(part.ts)) == ("a.b", "0123abcd", len(part.values))
    return part.first_offset, part.top


def test_it_knows_its_last_offset_and_the_next_one():
    assert (make().top, make().next) == (11, 12)
    assert (make(count=0).top, make(count=0).next) == (4, 5)


@pytest.mark.parametrize(("points", "left"), [(0, (5, 11)), (3, (8, 11)), (7, (12, 11))])
def test_without_its_first_points_it_begins_later(points, left):
    assert spell(make().skip(points)) == left


def test_it_is_split_in_order_without_a_gap_and_joined_again():
    parts = list(make().split(3, raw=False))
    assert [spell(part) for part in parts] == [(5, 7), (8, 10), (11, 11)]
    assert not any(part.raw for part in parts)
    assert spell(join_slices(parts)) == (5, 11)
    assert list(make(count=0).split(3)) == []


def test_a_socket_gets_points_or_rows_and_every_socket_the_same_message():
    (message, size), part = make().frame, make(raw=False)
    sent = json.loads(message["text"])
    assert (sent["type"], sent["position"], size) == ("points", "0123abcd:11", len(message["text"]))
    sent = json.loads(part.frame[0]["text"])
    assert (sent["type"], sent["from"], sent["position"]) == ("summary", "0123abcd:5", "0123abcd:11")
    assert part.frame is part.frame and part.events is part.events


def test_an_event_stream_gets_one_event_a_point():
    message, size = make().events
    assert message["more_body"] and size == len(message["body"])
    assert message["body"].startswith(b"id: 0123abcd:5\n") and message["body"].count(b"\n\n") == 7
