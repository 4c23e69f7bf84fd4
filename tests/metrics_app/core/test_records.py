"""The packed evaluation record."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_app.core.records import CLASSES, STATES, Record, pack_records, unpack_records

records = st.builds(
    Record,
    st.integers(1, 2**62),
    st.integers(1, 2**31),
    st.sampled_from(CLASSES),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
    st.integers(-1, 2**53),
    st.sampled_from(STATES),
)


@given(st.lists(records, min_size=1, max_size=20))
def test_it_gives_back_what_was_packed(rows):
    assert unpack_records(pack_records(rows)) == rows


def test_ten_thousand_judgements_take_little_room():
    rows = [Record(n, 1, "clear", float(n), 20, "ok") for n in range(10_000)]
    assert len(pack_records(rows)) < 100_000


def test_it_refuses_another_format():
    with pytest.raises(ValueError, match="unknown format"):
        unpack_records(b"\x02abc")


def test_records_of_before_a_class_was_added_read_as_what_they_were():
    """A code is a place in the list: what is new stands last."""
    assert CLASSES[:6] == ("breach", "band", "clear", "thin", "empty", "error")
    assert STATES == ("ok", "pending", "firing", "recovering")
