"""Which tests run where."""

import pytest


@pytest.fixture
def row(db):
    """What needs the database, one step away from the test."""


def is_run_on_postgres(request):
    """Whether the run on PostgreSQL takes this test."""
    return request.node.get_closest_marker("database") is not None


@pytest.mark.django_db
def test_what_says_it_touches_the_database_runs_on_both(request):
    assert is_run_on_postgres(request)


def test_what_touches_it_through_a_fixture_runs_on_both(request, row):
    assert is_run_on_postgres(request)


def test_what_touches_none_runs_once(request):
    assert not is_run_on_postgres(request)
