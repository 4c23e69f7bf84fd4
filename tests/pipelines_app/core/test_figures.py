"""When a waiting began and ended."""

from pipelines_app.core.figures import find_waiting

WAITS = {"state": "awaiting_approval"}


def test_it_waits_from_the_opening_to_the_decision_through_votes_changes_and_what_was_undone():
    told = [
        (1, "proposed", WAITS), (2, "voted", WAITS | {"version": 1}), (3, "changed", WAITS | {"version": 2}),
        (4, "approved", {"state": "approved", "version": 2}), (5, "undone", WAITS | {"version": 3}),
        (9, "rejected", {"state": "rejected", "version": 3}), (11, "withdrawn", {"state": "withdrawn"}),
    ]  # fmt: skip
    assert find_waiting(told, 3) == (1, 9)
    assert find_waiting(told, 2) == (1, 4)


def test_what_was_opened_again_after_a_rejection_is_a_waiting_of_its_own():
    told = [
        (1, "proposed", WAITS), (2, "rejected", {"state": "rejected", "version": 1}),
        (50, "reopened", WAITS | {"version": 2}), (53, "approved", {"state": "approved", "version": 2}),
    ]  # fmt: skip
    assert find_waiting(told, 1) == (1, 2) and find_waiting(told, 2) == (50, 53)


def test_what_expired_has_waited_all_of_its_time_and_what_was_withdrawn_was_not_decided():
    assert find_waiting([(1, "proposed", WAITS), (25, "expired", {"state": "expired"})], 1) == (1, 25)
    assert find_waiting([(1, "proposed", WAITS), (2, "withdrawn", {"state": "withdrawn"})], 1) is None
