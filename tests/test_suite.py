"""Which tests run where."""

import pytest


@pytest.fixture
def row(db):
    """What needs the database, one step away from the test."""


def is_run_on_postgres(request):
    """Whether the long run on PostgreSQL takes this test, as every one does but where it asks at a door."""
    return request.node.get_closest_marker("database") is not None


@pytest.mark.django_db
def test_what_says_it_touches_the_database_runs_on_both(request):
    assert is_run_on_postgres(request)


def test_what_touches_it_through_a_fixture_runs_on_both(request, row):
    assert is_run_on_postgres(request)


def test_what_touches_none_runs_once(request):
    assert not is_run_on_postgres(request)


@pytest.mark.django_db
def test_what_asks_at_a_door_runs_on_postgres_in_the_long_run_alone(request):
    assert request.node.get_closest_marker("door") is not None, "all tests of this folder do"


@pytest.mark.django_db(transaction=True)
def test_what_commits_is_none_of_a_door(request):
    assert is_run_on_postgres(request) and request.node.get_closest_marker("door") is None
