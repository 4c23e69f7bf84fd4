"""Frozen text and its hashes."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from pipelines_app.core.chain import GENESIS, digest, encode, link

AT = datetime(2026, 11, 24, 10, 0, 0, 123456, tzinfo=UTC)
ENTRY = {"seq": 1, "at": AT, "actor": "ada", "event": "approved", "pipeline": 3, "data": "{}"}


def test_it_spells_equal_data_alike():
    assert (
        encode({"b": 1, "a": [1.5, None]}) == encode({"a": [1.5, None], "b": 1}) == '{"a":[1.5,null],"b":1}'
    )


def test_it_writes_what_no_database_may_refuse():
    assert encode("\x00ä") == '"\\u0000\\u00e4"'


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800"])
def test_it_refuses_what_no_answer_can_carry(value):
    with pytest.raises(ValueError):
        encode({"value": value})


@pytest.mark.parametrize(
    "change",
    [
        {"seq": 2},
        {"at": AT + timedelta(microseconds=1)},
        {"actor": "bea"},
        {"event": "rejected"},
        {"pipeline": 4},
        {"data": "[]"},
    ],
)
def test_it_changes_the_hash_with_every_part_of_an_entry(change):
    assert link(GENESIS, **ENTRY) != link(GENESIS, **ENTRY | change)
    assert link(GENESIS, **ENTRY) != link(digest("x"), **ENTRY)


def test_it_hashes_a_moment_whatever_the_time_zone_it_is_told_in():
    elsewhere = AT.astimezone(timezone(timedelta(hours=5, minutes=30)))
    assert link(GENESIS, **ENTRY) == link(GENESIS, **ENTRY | {"at": elsewhere})
