"""``manage.py backtest``."""

import json

import pytest
from django.core.management import CommandError, call_command

from metrics_app.models import Kpi, Threshold
from tests.metrics_app.watching import HOUR, make_threshold, send

pytestmark = pytest.mark.django_db
RULE = {
    "topic": "complaint.latency",
    "aggregate": "mean",
    "window": 1800,
    "operator": "gt",
    "limit": 172800.0,
}
CASES = """id,created,closed
1,2026-03-01T00:00:00+00:00,2026-03-04T00:00:00+00:00
2,2026-03-03T23:00:00+00:00,2026-03-04T01:00:00+00:00
3,2026-03-03T23:00:00+00:00,
"""


@pytest.fixture
def cases(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_text(CASES)
    return str(path)


def run(capsys, *arguments, **options):
    """The JSON that the command prints."""
    call_command("backtest", *arguments, json=True, **options)
    return json.loads(capsys.readouterr().out)


def test_it_says_what_a_rule_would_have_done(cases, capsys):
    found = run(capsys, csv=cases, **RULE)
    third = 1_772_582_400_000  # 2026-03-04T00:00Z, when the first case was closed after three days
    assert found.pop("rows")["read"] == 3
    assert found == {
        "ticks": 91,
        "ticks_in_breach": 30,
        "ticks_incomparable": 0,
        "breaches": [{"start": third + 60_000, "end": third + 61 * 60_000, "peak": 259200.0}],
        "pipelines": 1,
    }


def test_a_stored_threshold_keeps_its_interval_and_its_missing_title(cases, capsys):
    threshold = make_threshold(now=1, interval=600, title="")
    found = run(capsys, threshold.pk, csv=cases)
    assert (found["ticks"], found["ticks_in_breach"], found["pipelines"]) == (10, 3, 0)
    assert run(capsys, threshold.pk, csv=cases, step=60)["ticks_in_breach"] == 30


def test_a_person_reads_times_and_units(cases, capsys):
    Kpi.objects.create(topic="complaint.latency", unit="seconds")
    call_command("backtest", csv=cases, **RULE)
    out = capsys.readouterr().out
    assert "complaint.latency: mean over 30 min above 48 h" in out
    assert "91 slots judged, 30 in breach; 1 breach, 1 h red, 1 proposal." in out
    assert "2026-03-04 00:01Z – 2026-03-04 01:01Z  worst 3 d" in out


def test_it_reads_the_history_of_a_kpi(capsys, base):
    send((base, 50 * HOUR), (base + 600_000, HOUR))
    found = run(capsys, **{"start": str(base - 600_000), "end": str(base + 1_200_000)}, **RULE)
    assert found["ticks"] == 30 and found["ticks_in_breach"] == 10
    assert found["breaches"] == [{"start": base + 60_000, "end": base + 660_000, "peak": 50 * HOUR}]


def test_it_says_over_which_window_it_judged(capsys, base):
    send((base, 50 * HOUR))
    call_command("backtest", **{"start": str(base - 600_000)}, **RULE | {"window": 10})
    assert "Judged over 1 min instead of 10 s: history keeps minutes." in capsys.readouterr().out


def test_it_says_where_there_are_no_points_at_all(capsys):
    Kpi.objects.create(topic="complaint.latency", unit="seconds")
    call_command("backtest", start="-3600", **RULE)
    assert "No points at all in this span" in capsys.readouterr().out


def test_beside_figures_for_programs_it_says_how_it_judged(capsys, base):
    send((base, 50 * HOUR))
    call_command("backtest", start=str(base - 600_000), json=True, **RULE | {"window": 10})
    out, err = capsys.readouterr()
    assert json.loads(out)["ticks"] and "over 1 min instead of 10 s: history keeps minutes." in err


def test_it_counts_what_came(cases, capsys):
    rule = RULE | {"topic": "complaint.received", "aggregate": "count", "limit": 1.0}
    assert run(capsys, csv=cases, **rule)["ticks_in_breach"] == 30


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "--topic, --aggregate, --window, --operator, --limit missing"),
        (RULE, "say over what"),
        (RULE | {"csv": "/nowhere.csv"}, "/nowhere.csv cannot be read: No such file"),
        (RULE | {"csv": "x", "start": "-60"}, "not both"),
        (RULE | {"operator": "above", "start": "-60"}, "'above' is not one of gt, gte, lt, lte"),
        (RULE | {"start": "-60", "end": "-120"}, "is not after the start"),
        (
            RULE | {"topic": "nope.x", "start": "-3600"},
            "there is no KPI nope.x, and no point of it ever came",
        ),
        (RULE | {"start": "-3600", "step": 0}, "--step 0 is not between 1 and 86400"),
        (RULE | {"csv": "x", "step": 0}, "--step 0 is not between 1 and 86400"),
        (RULE | {"start": "soon"}, "is not a time"),
        (RULE | {"start": "-3600", "step": 90}, "expected a multiple of 60"),
        ({"threshold": 404, "csv": "x"}, "there is no threshold 404"),
    ],
)
def test_it_says_in_one_line_what_is_wrong(options, message):
    options = dict(options)
    arguments = [options.pop("threshold")] if "threshold" in options else []
    with pytest.raises(CommandError, match=message) as caught:
        call_command("backtest", *arguments, **options)
    assert "\n" not in str(caught.value)


def test_a_rule_given_here_is_not_stored(cases, capsys):
    run(capsys, csv=cases, **RULE)
    assert not Threshold.objects.exists() and not Kpi.objects.exists()


def test_it_judges_how_many_were_answered_in_time(cases, capsys):
    share = {"aggregate": "share_above", "aggregate_value": 48.0 * HOUR, "limit": 30.0}
    found = run(capsys, csv=cases, **RULE | share)
    third = 1_772_582_400_000
    # Alone the late one is all of the window, with the quick one half of it; then the quick one is alone.
    assert found["breaches"] == [{"start": third + 60_000, "end": third + 61 * 60_000, "peak": 100.0}]
