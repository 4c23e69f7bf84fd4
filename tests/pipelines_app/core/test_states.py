"""The life of a proposal."""

from pipelines_app.core.states import AGREED, MOVES, OPEN, REFUSED, State, may_move


def test_it_has_the_states_of_the_contract():
    assert {state.value for state in State} == {
        "awaiting_approval",
        "approved",
        "executing",
        "done",
        "measuring",
        "effective",
        "ineffective",
        "harmful",
        "inconclusive",
        "rejected",
        "expired",
        "withdrawn",
        "failed",
    }


def test_it_reaches_every_state_from_awaiting_approval():
    seen, edge = set(), {State.AWAITING_APPROVAL}
    while edge:
        seen |= edge
        edge = {new for state in edge for new in MOVES.get(state, ())} - seen
    assert seen == set(State)


def test_it_waits_again_only_where_an_approval_is_undone_or_a_rejection_waited_for_something():
    back = [state for state in State if may_move(state, State.AWAITING_APPROVAL)]
    assert back == [State.APPROVED, State.REJECTED]


def test_what_has_begun_can_only_be_done_or_fail_and_be_tried_again_or_withdrawn():
    assert MOVES[State.EXECUTING] == {State.DONE, State.FAILED}
    assert MOVES[State.FAILED] == {State.EXECUTING, State.WITHDRAWN}


def test_it_leaves_expired_and_withdrawn_as_they_are_and_a_rejection_only_waits_or_is_withdrawn():
    for state in REFUSED - {State.REJECTED}:
        assert not any(may_move(state, other) for other in State)
    assert MOVES[State.REJECTED] == {State.AWAITING_APPROVAL, State.WITHDRAWN}


def test_it_executes_only_what_was_approved_or_has_failed_before():
    assert {state for state in State if may_move(state, State.EXECUTING)} == {State.APPROVED, State.FAILED}


def test_it_sorts_each_state_into_open_agreed_or_refused():
    assert set(State) == OPEN | AGREED | REFUSED
    assert not OPEN & AGREED and not AGREED & REFUSED and not OPEN & REFUSED
