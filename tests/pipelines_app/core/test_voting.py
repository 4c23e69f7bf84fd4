"""Counting votes."""

from hypothesis import given
from hypothesis import strategies as st

from pipelines_app.core.states import State
from pipelines_app.core.voting import APPROVE, REJECT, tally

VOTES = st.lists(st.tuples(st.integers(1, 5), st.sampled_from([APPROVE, REJECT])), max_size=8)


def test_it_waits_while_approvals_are_missing():
    assert tally([], 1) == State.AWAITING_APPROVAL
    assert tally([(1, APPROVE)], 2) == State.AWAITING_APPROVAL


def test_it_passes_with_the_quorum():
    assert tally([(1, APPROVE)], 1) == State.APPROVED
    assert tally([(1, APPROVE), (2, APPROVE)], 2) == State.APPROVED


def test_it_counts_a_person_once():
    assert tally([(1, APPROVE), (1, APPROVE)], 2) == State.AWAITING_APPROVAL


@given(VOTES, st.integers(1, 5))
def test_it_ends_with_the_first_reject_whatever_else_was_voted(votes, quorum):
    assert tally([*votes, (9, REJECT)], quorum) == State.REJECTED


@given(VOTES, st.integers(1, 5), st.randoms())
def test_it_does_not_depend_on_the_order(votes, quorum, random):
    shuffled = random.sample(votes, len(votes))
    assert tally(votes, quorum) == tally(shuffled, quorum)
