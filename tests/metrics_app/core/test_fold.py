import numpy as np
import pytest

from metrics_app.core import details
from metrics_app.core.chunks import unpack_chunk
from metrics_app.core.fold import CHUNK_POINTS, ShardMemory, Turn, find_minutes, next_mark
from metrics_app.core.packing import SLOT_STRUCT, SLOTS, unpack_head

MINUTE = 60_000
NOW = 1_732_390_000_123


def remember(topics=("er.wait",), log_points=100_000):
    memory = ShardMemory(
        seq=1, writer="me", offset="0-0", through=0, sealed=next_mark(NOW), late=0, log_points=log_points
    )
    for topic in topics:
        memory.add_topic(topic, None, None, epoch="0a1b2c3d")
    return memory


def fold(memory, batch):
    turn = Turn()
    batch = memory.split_times(batch, NOW, turn)
    if batch:
        memory.fold(batch, NOW, turn)
    return turn


def points(ts, value=1.0):
    return np.atleast_1d(np.asarray(ts, np.int64)), np.full(np.size(ts), value)


def test_a_turn_carries_everything_a_topic_needs():
    turn = fold(remember(), {"er.wait": points([NOW, NOW + 1], 2.0)})
    [(topic, slots, packed, chunks, fresh, keep_from)] = turn.topics
    minute = NOW // MINUTE * MINUTE
    assert (topic, fresh, keep_from) == ("er.wait", 1, "0")
    assert slots[0] == str(minute // MINUTE % SLOTS * 48)
    assert SLOT_STRUCT.unpack(slots[1]) == (minute, 2, 4.0, 0.0, 2.0, 2.0)
    assert packed[0] == str(minute) and details.unpack(packed[1]).cut(0, MINUTE).count == 2
    assert chunks[0] == "2-0" and unpack_chunk(chunks[1])[0] == 1
    assert unpack_head(turn.heads[1]) == ("0a1b2c3d", 2, NOW + 1, 2)
    assert turn.hot == turn.dirty == [str(minute), f"{minute}:er.wait"]
    assert turn.tidy == ["er.wait"] and turn.points == 2


def test_a_second_turn_goes_on_and_marks_its_minute_dirty_again():
    memory = remember()
    fold(memory, {"er.wait": points(NOW)})
    turn = fold(memory, {"er.wait": points(NOW, 3.0)})
    assert SLOT_STRUCT.unpack(turn.topics[0][1][1])[1:] == (2, 4.0, 2.0, 1.0, 3.0)
    assert turn.hot == [] and len(turn.dirty) == 2 and turn.tidy == []
    assert turn.updates[0].first_offset == 2 and turn.topics[0][4] == 0


def test_times_beyond_the_rings_are_told_apart():
    memory = remember()
    late, far = memory.sealed - 1, NOW + 5 * MINUTE
    turn = fold(memory, {"er.wait": points([late, memory.sealed, NOW, far])})
    assert turn.points == 2 and turn.future == 1
    assert turn.late["er.wait"][0].tolist() == [late]
    assert fold(memory, {"er.wait": points([late])}).topics == []


@pytest.mark.parametrize("n", [CHUNK_POINTS, CHUNK_POINTS + 1, 3 * CHUNK_POINTS])
def test_many_points_are_several_chunks_without_a_gap(n):
    [(*_, chunks, _, _)] = fold(remember(), {"er.wait": points(np.full(n, NOW))}).topics
    firsts = [unpack_chunk(chunk)[0] for chunk in chunks[1::2]]
    lasts = [int(entry.removesuffix("-0")) for entry in chunks[::2]]
    assert firsts == [1, *(last + 1 for last in lasts[:-1])] and lasts[-1] == n


def test_the_log_is_kept_up_to_its_bound():
    turn = fold(remember(log_points=10), {"er.wait": points(np.full(25, NOW))})
    assert turn.topics[0][5] == "16"


def test_it_names_what_it_has_to_load():
    memory = remember(())
    batch = {"er.wait": points([NOW, NOW - MINUTE])}
    assert memory.find_unknown(batch) == ["er.wait"]
    minute = NOW // MINUTE * MINUTE
    memory.add_topic("er.wait", None, SLOT_STRUCT.pack(minute, 1, 1.0, 0.0, 1.0, 1.0), epoch="0a1b2c3d")
    assert memory.find_missing(batch) == [("er.wait", minute)]
    memory.topics["er.wait"].details[minute] = details.Points()
    assert memory.find_missing(batch) == []


def test_a_slot_that_was_sealed_is_not_remembered():
    memory = remember(())
    old = memory.sealed - MINUTE
    memory.add_topic("er.wait", None, SLOT_STRUCT.pack(old, 1, 1.0, 0.0, 1.0, 1.0), epoch="0a1b2c3d")
    assert memory.topics["er.wait"].ring == {}


def test_it_lets_go_of_what_rests():
    memory = remember(("quiet", "busy"))
    fold(memory, {"quiet": points(NOW), "busy": points(NOW)})
    memory.topics["busy"].used = NOW + 20 * MINUTE
    memory.forget_before(NOW // MINUTE * MINUTE + MINUTE, NOW + 20 * MINUTE)
    assert list(memory.topics) == ["busy"]
    assert memory.topics["busy"].ring == {} and memory.topics["busy"].details == {}


def test_the_mark_leaves_seventy_minutes_and_never_follows_what_is_dropped():
    minute = NOW // MINUTE * MINUTE
    assert next_mark(NOW) == minute - 69 * MINUTE
    assert next_mark(minute + 50_000) == minute - 68 * MINUTE
    assert next_mark(NOW, {"er.wait": points([NOW + 3 * MINUTE, NOW + 9 * MINUTE])}) == minute - 66 * MINUTE


def test_minutes_of_times():
    assert find_minutes(np.array([5, 59_999])) == [0]
    assert find_minutes(np.array([120_000, 5])) == [0, 120_000]
