"""Which side of a limit is the bad one."""

import pytest

from pipelines_app.core.limits import SIDES, is_beyond, is_worse


@pytest.mark.parametrize(
    ("operator", "beyond"),
    [("gt", [False, False, True]), ("gte", [False, True, True]), ("lt", [True, False, False])]
    + [("lte", [True, True, False])],
)
def test_a_value_is_beyond_a_limit_as_its_rule_says(operator, beyond):
    rule = {"operator": operator, "limit": 60}
    assert [is_beyond(value, rule) for value in (59, 60, 61)] == beyond and operator in SIDES


def test_nothing_is_beyond_no_limit_and_no_value_is_beyond_any():
    assert not is_beyond(None, {"operator": "gt", "limit": 60})
    assert not is_beyond(61, {"operator": "gt", "limit": None}) and not is_beyond(61, {})


def test_worse_is_further_on_the_bad_side_and_never_the_same():
    assert [is_worse(61, 60, name) for name in SIDES] == [True, True, False, False]
    assert not any(is_worse(60, 60, name) for name in SIDES)
