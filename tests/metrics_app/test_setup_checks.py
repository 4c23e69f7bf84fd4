"""What a project that has just installed the app is told it lacks."""

import pytest
from django.urls import include, path

from metrics_app.running_checks import check_running
from metrics_app.setup_checks import IN_MEMORY, check_login, check_setup

urlpatterns = [path("", include("metrics_app.urls")), path("enter/", lambda request: None, name="enter")]


def tell(found):
    return [(each.id, each.msg) for each in found]


@pytest.fixture
def whole(settings):
    """A project that lacks nothing."""
    settings.ROOT_URLCONF = __name__
    settings.LOGIN_URL = "enter"
    return settings


def test_who_lacks_nothing_is_told_nothing(whole):
    assert check_setup(None) + check_login(None) == []


def test_a_project_without_redis_is_told_the_line_that_is_missing(whole):
    whole.METRICS_APP = {}
    [found] = check_setup(None)
    assert found.id == "metrics_app.W001" and "REDIS_URL" in found.msg and "redis://" in found.hint


@pytest.mark.parametrize(
    ("layers", "words"),
    [
        ({}, "has no default"),
        ({"default": {}}, "has no default"),
        ({"default": {"BACKEND": IN_MEMORY}}, "in memory"),
        (
            {"default": {"BACKEND": "rabbit.Layer"}},
            "'rabbit.Layer', which is not installed",
        ),
    ],
)
def test_a_layer_that_no_other_process_hears_is_named_with_the_line_to_write(whole, layers, words):
    whole.CHANNEL_LAYERS = layers
    [found] = check_setup(None)
    assert found.id == "metrics_app.W002" and words in found.msg
    assert "metrics_app.layer.RedisLayer" in found.hint


@pytest.mark.parametrize(("url", "leads"), [("/nowhere/", False), ("/enter/?a=1", True), ("enter", True)])
def test_a_log_in_that_leads_nowhere_is_named(whole, url, leads):
    whole.LOGIN_URL = url
    assert ("metrics_app.W003" in [found.id for found in check_login(None)]) is not leads


def test_a_log_in_elsewhere_is_somebody_elses(whole):
    whole.LOGIN_URL = "https://login.example.org/"
    assert check_login(None) == []


@pytest.mark.django_db
def test_the_check_names_what_does_not_run_and_how_to_start_it(monkeypatch):
    monkeypatch.setattr("sys.argv", ["manage.py", "check"])
    told = {found.msg: found.hint for found in check_running(None)}
    assert any(words.startswith("The collector") and "collect" in hint for words, hint in told.items())
    assert any(words.startswith("The archiver has never worked") for words in told)
    assert all("manage.py doctor" in hint for hint in told.values())


def test_a_redis_that_is_away_is_named_once(monkeypatch, settings):
    monkeypatch.setattr("sys.argv", ["manage.py", "check"])
    settings.METRICS_APP = settings.METRICS_APP | {"REDIS_URL": "redis://:secret@127.0.0.1:1/0"}
    [(number, words)] = tell(check_running(None))
    assert number == "metrics_app.W004" and "127.0.0.1:1" in words and "secret" not in words


def test_no_other_command_waits_for_redis(monkeypatch, settings):
    monkeypatch.setattr("sys.argv", ["manage.py", "migrate"])
    settings.METRICS_APP = settings.METRICS_APP | {"REDIS_URL": "redis://127.0.0.1:1/0"}
    assert check_running(None) == []


class Elsewhere:
    """A router of a project that keeps this app beside its own rows."""

    def db_for_write(self, model, **hints):
        return "figures" if model._meta.app_label == "metrics_app" else None


def test_rows_in_a_database_that_no_transaction_would_guard_are_refused(whole, monkeypatch):
    monkeypatch.setattr("django.db.router.routers", [Elsewhere()])
    [found] = check_setup(None)
    assert found.id == "metrics_app.E010" and "'figures'" in found.msg and "'default'" in found.hint
