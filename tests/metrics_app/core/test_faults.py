"""A database that was closed says why; every other fault stays what it is."""

import pytest

from metrics_app.core.faults import explain_closed


def test_the_name_of_a_table_that_is_a_sentence_is_the_reason():
    assert explain_closed("no such table: main.it was moved") == "The database takes no writes: it was moved."


@pytest.mark.parametrize("error", ["no such table: main.metrics_app_kpi", "database is locked", ""])
def test_other_faults_are_no_reason(error):
    assert explain_closed(error) == ""
