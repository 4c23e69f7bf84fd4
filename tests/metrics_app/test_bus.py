import numpy as np
import pytest

from metrics_app import bus, conf
from metrics_app.connection import get_redis, key
from metrics_app.exceptions import BadInput, BusUnavailable, Conflict
from metrics_app.queries import redis_now, shard_for

NOW = 1_732_390_000_000


def points(*values, ts=NOW):
    return np.full(len(values), ts), np.array(values, float)


def spread(n):
    """Topics on several shards, one point each."""
    return {f"topic{at}": points(at) for at in range(n)}


def read_all(**options):
    return bus.read(dict.fromkeys(range(conf.get("SHARDS")), "0-0"), **options)


def read_points():
    entries = [entry for rows in read_all().entries.values() for _, entry in rows]
    batch = bus.join_entries(entries)
    return {topic: (ts.tolist(), values.tolist()) for topic, (ts, values) in batch.items()}


def test_a_batch_comes_out_as_it_went_in():
    batch = spread(20) | {"er.wait": points(1.5, 1.5, -3)}
    bus.publish(batch)
    expected = {topic: (ts.tolist(), values.tolist()) for topic, (ts, values) in batch.items()}
    assert read_points() == expected


def test_a_batch_is_one_entry_per_shard():
    bus.publish(spread(50))
    assert all(len(rows) == 1 for rows in read_all().entries.values())


def test_points_of_a_topic_keep_the_order_of_their_batches():
    for value in range(5):
        bus.publish({"er.wait": points(value), "other": points(value)})
    assert read_points()["er.wait"][1] == [0, 1, 2, 3, 4]


def test_the_same_id_and_body_again_adds_nothing():
    for _ in range(3):
        bus.publish(spread(20), batch_id="1:abc", digest=b"x")
    assert len(read_points()) == 20 and read_all().points == 20


def test_it_completes_what_a_crash_left_out():
    bus.publish(spread(20), batch_id="1:abc", digest=b"x")
    lost = shard_for("topic3")
    get_redis().delete(key(lost, "bus"), key(lost, "idem:1:abc"))
    bus.publish(spread(20), batch_id="1:abc", digest=b"x")
    assert read_all().points == 20


def test_the_same_id_with_another_body_is_a_conflict_whatever_shards_it_touches():
    bus.publish({"topic1": points(1)}, batch_id="1:abc", digest=b"x")
    for at in range(20):
        with pytest.raises(Conflict, match="another body"):
            bus.publish({f"topic{at}": points(1)}, batch_id="1:abc", digest=b"y")
    assert read_all().points == 1


def test_ids_of_two_senders_do_not_meet():
    bus.publish({"topic1": points(1)}, batch_id="1:abc", digest=b"x")
    bus.publish({"topic1": points(1)}, batch_id="2:abc", digest=b"y")
    assert read_all().points == 2


def test_a_batch_id_is_remembered_for_a_day():
    bus.publish({"topic1": points(1)}, batch_id="1:abc", digest=b"x")
    assert 86_000 < get_redis().ttl(key(shard_for("topic1"), "idem:1:abc")) <= 86_400


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_refused(value):
    with pytest.raises(BadInput, match="finite"):
        bus.publish({"good": points(1), "bad": points(1, value)})
    assert read_all().points == 0


def test_columns_of_different_length_are_refused():
    with pytest.raises(BadInput, match="2 times but 1 values"):
        bus.publish({"er.wait": (np.array([NOW, NOW]), np.array([1.0]))})


def test_an_empty_batch_is_nothing():
    bus.publish({})
    bus.publish({"er.wait": points()})
    assert read_all().entries == {}


def test_a_full_bus_refuses_in_clear_words(settings):
    settings.METRICS_APP = {**settings.METRICS_APP, "BUS_BYTES": 100_000}
    with pytest.raises(BusUnavailable, match=r"^The bus is full: \d+ MB wait to be collected\.$"):
        for _ in range(1000):
            bus.publish({"er.wait": points(*range(1000))})
            bus.looks.clear()
    assert read_all(count=1000).points < 50_000


def test_it_says_up_to_when_everything_was_read():
    before = redis_now()
    bus.publish(spread(20))
    found = read_all()
    assert found.complete and all(mark >= before for mark in found.through.values())


def test_a_read_that_was_cut_says_how_far_it_came():
    ids = []
    for value in range(5):
        bus.publish({"er.wait": points(value)})
        ids.append(read_all().entries[shard_for("er.wait")][-1][0])
    found, shard = read_all(count=2), shard_for("er.wait")
    assert not found.complete
    assert found.through[shard] == int(ids[1].split(b"-")[0])
    assert all(mark > found.through[shard] - 1 for mark in found.through.values())


def test_it_waits_for_points_no_longer_than_asked():
    assert read_all(block_ms=20).entries == {}


@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x94\x91\xa1a\xc4\x01\x00\xc4\x00\xc4\x00"])
def test_what_is_no_batch_is_named_and_left_out(data, caplog):
    get_redis().xadd(key(0, "bus"), {"d": data})
    [(entry, batch)] = read_all().entries[0]
    assert batch is None and "is not a batch" in caplog.text
