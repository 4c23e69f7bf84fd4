"""``manage.py emit``."""

import pytest
from django.core.management import CommandError, call_command

from metrics_app.collector import collect_all
from metrics_app.queries import stats

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_other_server(monkeypatch):
    monkeypatch.delenv("HMS_URL", raising=False)


def test_it_emits_a_point(capsys):
    call_command("emit", "complaint.latency", "1560")
    call_command("emit", "complaint.latency", ts="2024-11-24T00:00Z")
    call_command("emit", "complaint.latency")
    collect_all()
    found = stats("complaint.latency", 3600)
    assert (found["count"], found["sum"]) == (2, 1561.0)
    assert capsys.readouterr().out.startswith("complaint.latency 1560")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("er wait",), "is not a topic"),
        (("a", "nan"), "not a finite number"),
        (("a", "x"), "invalid float value"),
        (("a", "1", "--ts", "1732390000"), "looks like seconds"),
        (("a", "1", "--ts", "soon"), "is not a time"),
        (("a", "1", "--ts", "²"), "'²' is not a time"),
        (("a", "1", "--ts", "9" * 5000), "is not a time"),
    ],
)
def test_it_says_in_one_line_what_is_wrong(arguments, message):
    with pytest.raises(CommandError, match=message) as caught:
        call_command("emit", *arguments)
    assert "\n" not in str(caught.value)


def test_it_says_that_the_server_is_away(monkeypatch, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"REDIS_URL": "redis://127.0.0.1:1/0"}
    with pytest.raises(CommandError, match="No Redis at redis://127.0.0.1:1"):
        call_command("emit", "a")
    monkeypatch.setenv("HMS_URL", "http://127.0.0.1:1")
    with pytest.raises(CommandError, match="http://127.0.0.1:1"):
        call_command("emit", "a")
