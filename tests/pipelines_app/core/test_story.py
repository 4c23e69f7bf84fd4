"""What the entries of a proposal's chain come to."""

import pytest

from pipelines_app.core.states import State
from pipelines_app.core.story import follow, is_jump, keep_known


def walk(*entries):
    """State and time of decision behind ``(state, at)`` entries; None: an entry that names no state."""
    told = (None, None)
    for state, at in entries:
        told = follow(told, {"state": state} if state else {"comment": "more"}, at)
    return told


WAITS, APPROVED, EXECUTING = ("awaiting_approval", 1), ("approved", 3), ("executing", 4)


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([WAITS], ("awaiting_approval", None)),
        ([WAITS, ("awaiting_approval", 2), APPROVED], ("approved", 3)),
        ([WAITS, APPROVED, (None, 4), EXECUTING, ("done", 5), ("measuring", 5)], ("measuring", 3)),
        ([WAITS, APPROVED, ("awaiting_approval", 4)], ("awaiting_approval", None)),
        # What was approved is decided anew by whoever revokes it.
        ([WAITS, APPROVED, ("withdrawn", 4)], ("withdrawn", 4)),
        ([WAITS, ("rejected", 2), ("awaiting_approval", 9), ("expired", 11)], ("expired", 11)),
    ],
)
def test_it_is_decided_when_the_waiting_ends_until_it_waits_again(entries, told):
    assert walk(*entries) == told


def test_a_move_that_no_decision_makes_is_a_jump():
    assert not is_jump((None, None), {"state": "awaiting_approval"})
    assert not is_jump(("awaiting_approval", None), {"state": "approved"})
    assert not is_jump(("approved", 3), {"comment": "more"})
    for old, new in (("rejected", "approved"), ("approved", "effective"), ("approved", "x"), ("x", "done")):
        assert is_jump((old, 3), {"state": new}), (old, new)
    assert {State(new) for new in State if not is_jump(("done", 3), {"state": new.value})} == {
        State.DONE,
        State.MEASURING,
    }


def test_what_no_service_writes_under_a_name_is_left_away_and_nobodys_account_is_not():
    data = {"version": "1", "by": [], "for": {}, "state": None, "comment": 7}
    assert keep_known(data) == {"comment": 7}
    assert keep_known({"by": None, "version": 2}) == {"by": None, "version": 2}
