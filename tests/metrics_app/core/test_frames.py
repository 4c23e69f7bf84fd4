import json
from types import SimpleNamespace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from metrics_app.core import frames

NOW = 1_732_390_000_123
TS = np.array([NOW, NOW + 1000, NOW + 1])
VALUES = np.array([1.0, 0.1, -2.5e30])


def test_it_says_points_as_the_contract_does():
    frame = json.loads(frames.encode_points("er.wait", "0123abcd", 5, TS, VALUES))
    assert frame == {
        "type": "points",
        "topic": "er.wait",
        "position": "0123abcd:7",
        "points": [[NOW, 1.0], [NOW + 1000, 0.1], [NOW + 1, -2.5e30]],
    }


def test_it_says_a_summary_as_the_contract_does():
    frame = json.loads(frames.encode_summary("er.wait", "0123abcd", 5, TS, np.array([1.0, 5.0, 3.0])))
    second = NOW // 1000 * 1000
    assert (frame["type"], frame["from"], frame["position"]) == ("summary", "0123abcd:5", "0123abcd:7")
    assert frame["rows"] == [[second, 2, 2.0, 1.0, 3.0], [second + 1000, 1, 5.0, 5.0, 5.0]]


@given(st.lists(st.tuples(st.integers(NOW, NOW + 9_999), st.floats(-1e308, 1e308)), min_size=1, max_size=60))
def test_it_summarises_every_point_once(points):
    ts = np.array([at for at, _ in points], np.int64)
    values = np.array([value for _, value in points])
    rows = frames.summarise_seconds(ts, values)
    assert [row[0] for row in rows] == sorted({at // 1000 * 1000 for at in ts.tolist()})
    for second, count, mean, low, high in rows:
        members = [value for at, value in points if at // 1000 * 1000 == second]
        assert (count, low, high) == (len(members), min(members), max(members))
        assert low <= mean <= high or np.isclose(mean, sum(v / count for v in members))


@given(st.lists(st.floats(-1.7e308, 1.7e308) | st.sampled_from([0.1, 0.7]), min_size=1, max_size=9))
def test_the_mean_of_many_points_lies_among_them(values):
    batch = SimpleNamespace(ts=np.full(len(values), NOW), values=np.array(values))
    [[_, _, mean, low, high]] = frames.summarise_seconds(batch.ts, batch.values)
    event = json.loads(frames.encode_conflated("1:1", [batch]).split(b"data: ")[1])
    assert low <= mean <= high and event["min"] <= event["value"] <= event["max"]


def test_it_writes_one_event_per_point():
    text = frames.encode_events("0123abcd", 5, TS[:2], VALUES[:2]).decode()
    assert text == (
        f'id: 0123abcd:5\ndata: {{"ts": {NOW}, "value": 1.0}}\n\n'
        f'id: 0123abcd:6\ndata: {{"ts": {NOW + 1000}, "value": 0.1}}\n\n'
    )


def test_it_names_the_topic_where_there_are_several():
    text = frames.encode_topic_events("er.wait", ["AA", "BB"], TS[:2], VALUES[:2]).decode()
    assert text.startswith(f'id: AA\ndata: {{"topic": "er.wait", "ts": {NOW}, "value": 1.0}}\n\nid: BB\n')


def test_it_merges_points_into_one_event():
    batch = SimpleNamespace(ts=TS, values=np.array([1.0, 5.0, 3.0]))
    text = frames.encode_conflated("0123abcd:7", [batch], "er.wait").decode()
    id_line, data = text.strip().split("\n")
    assert id_line == "id: 0123abcd:7"
    assert json.loads(data[6:]) == {
        "ts": NOW + 1000, "value": 3.0, "count": 3, "min": 1.0, "max": 5.0, "topic": "er.wait",
    }  # fmt: skip


def test_it_writes_an_event_without_what_it_was_not_given():
    assert frames.encode_event([], retry=2000, id="x") == b"retry: 2000\nid: x\ndata: []\n\n"
    assert frames.encode_event({"a": 1}, event="state") == b'event: state\ndata: {"a":1}\n\n'


@given(st.text())
def test_it_never_breaks_a_line_of_an_event(text):
    assert frames.encode_event({"text": text}).count(b"\n") == 2
