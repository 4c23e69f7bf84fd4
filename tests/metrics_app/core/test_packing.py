import numpy as np
import pytest

from metrics_app.core.details import Points
from metrics_app.core.packing import (
    SLOT,
    SLOT_STRUCT,
    SLOTS,
    Head,
    pack_head,
    pack_held,
    slot_of,
    unpack_head,
    unpack_held,
    unpack_ring,
)


def test_a_slot_is_the_same_for_struct_and_numpy():
    data = SLOT_STRUCT.pack(60_000, 3, 6.0, 2.0, 1.0, 3.0)
    assert len(data) == SLOT.itemsize == 48
    assert np.frombuffer(data, SLOT)[0].tolist() == (60_000, 3, 6.0, 2.0, 1.0, 3.0)


def test_a_ring_is_read_without_its_empty_slots():
    data = bytes(48) + SLOT_STRUCT.pack(60_000, 3, 6.0, 2.0, 1.0, 3.0)
    assert unpack_ring(data) == {60_000: (3, 6.0, 2.0, 1.0, 3.0)}
    assert unpack_ring(None) == {}


def test_seventy_minutes_have_a_slot_each():
    assert sorted(slot_of(minute * 60_000) for minute in range(1000, 1000 + SLOTS)) == list(range(SLOTS))


def test_a_head_comes_back_from_its_bytes():
    head = Head("0a1b2c3d", 2**40, 1_732_390_000_123, 7)
    assert len(pack_head(head)) == 32
    assert unpack_head(pack_head(head)) == head
    assert unpack_head(None) is None


def test_a_held_minute_keeps_its_summary_and_its_percentiles():
    detail = Points().add(np.arange(100), np.arange(1.0, 101.0))
    held = unpack_held(pack_held(SLOT_STRUCT.pack(60_000, *detail.cut(0, 60_000)[:5]), detail))
    assert (held.count, held.sum, held.min, held.max) == (100, 5050.0, 1.0, 100.0)
    assert held.quantile(0.5) == pytest.approx(50.5, rel=0.01)
