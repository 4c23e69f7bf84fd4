from hypothesis import given
from hypothesis import strategies as st

from metrics_app.core.positions import (
    MAX_TOPICS,
    RECORD_CHARS,
    format_position,
    pack_position,
    parse_position,
    unpack_positions,
)

epochs = st.text("0123456789abcdef", min_size=8, max_size=8)
offsets = st.integers(0, 10**15)


@given(epoch=epochs, offset=offsets)
def test_it_reads_what_it_wrote(epoch, offset):
    assert parse_position(format_position(epoch, offset)) == (epoch, offset)


@given(text=st.one_of(st.none(), st.integers(), st.text()))
def test_it_takes_anything_from_a_client_without_an_error(text):
    assert parse_position(text) is None
    assert unpack_positions(str(text), ["er.wait"]) == {}


def test_it_refuses_digits_that_are_not_ours():
    assert parse_position("0123abcd:١") is None
    assert parse_position("0123abcd:1\n") is None
    assert parse_position("0123ABCD:1") is None
    assert parse_position("0123abcd:" + "9" * 17) is None


@given(places=st.dictionaries(st.sampled_from(["a", "b.c", "d.e.f"]), st.tuples(epochs, offsets)))
def test_it_carries_the_position_of_every_topic(places):
    text = "".join(pack_position(topic, *place) for topic, place in places.items())
    assert unpack_positions(text, ["a", "b.c", "d.e.f", "never.seen"]) == places


def test_it_gives_no_position_to_topics_that_cannot_be_told_apart():
    text = pack_position("plumless", "0123abcd", 7)  # has the checksum of "buckeroo"
    assert unpack_positions(text, ["plumless", "buckeroo"]) == {}
    assert unpack_positions(text, ["plumless"]) == {"plumless": ("0123abcd", 7)}


def test_it_stays_within_four_kilobytes():
    assert len(pack_position("a" * 100, "ffffffff", 2**56 - 1)) == RECORD_CHARS
    assert MAX_TOPICS * RECORD_CHARS <= 4096
