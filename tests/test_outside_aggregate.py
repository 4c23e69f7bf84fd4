"""An aggregate from outside is seen wherever ours are: a trimmed mean, as one function and one entry."""

import csv
import json
import re
import time
from html import unescape
from pathlib import Path

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.core.management import call_command

from metrics_app import queries, registry
from metrics_app.checks import check_settings
from metrics_app.core.aggregates import (
    COUNTED,
    EXTREMES,
    Aggregate,
    compute,
    get_aggregate,
    list_names,
    register,
    unregister,
)
from metrics_app.core.buckets import Summary, summarise
from metrics_app.core.sketch import Sketch
from metrics_app.core.text.phrases import tell_rule
from metrics_app.core.watch import Rule
from metrics_app.exceptions import BadInput
from metrics_app.models import Breach, Kpi, Threshold, ThresholdState
from metrics_app.services.rules.backtest import backtest_history
from metrics_app.services.rules.thresholds import save_threshold
from metrics_app.services.watch.announce import announce
from metrics_app.services.watch.evaluate import evaluate
from pipelines_app.models import Pipeline
from tests.metrics_app.watching import HOUR, TOPIC, make_threshold, send

pytestmark = pytest.mark.django_db
MINUTE = 60_000
NAME, PATH = "trimmed_mean", "tests.outside.city.trimming.TRIMMED_MEAN"
# Ten answers. Without the lowest and the highest they lie at 51 h; with them the mean is 130.9 h.
HOURS = [1, 50, 50, 50, 50, 52, 52, 52, 52, 900]
RULE = {
    "topic": TOPIC,
    "aggregate": NAME,
    "window": 1800,
    "operator": "gt",
    "limit": 48 * HOUR,
    "title": "Response time breach",
}


@pytest.fixture(autouse=True)
def trimmed_mean(settings):
    """The settings of a project that names the aggregate."""
    settings.METRICS_APP = {**settings.METRICS_APP, "AGGREGATES": [PATH]}
    return get_aggregate(NAME)


@pytest.fixture
def kpi():
    """A KPI whose tile shows it."""
    kpi = Kpi.objects.create(topic=TOPIC, name="Response time", unit="seconds", aggregate=NAME)
    registry.forget()
    return kpi


@pytest.fixture
def boss(client):
    """Somebody who may do everything."""
    user = User.objects.create_superuser("boss")
    client.force_login(user)
    return user


@pytest.fixture
def base():
    """A whole minute ten minutes ago (ms)."""
    return int(time.time() // 60 - 10) * MINUTE


@pytest.fixture
def answered(kpi, base):
    """The ten answers, two a minute."""
    send(*((base + number * 30_000, hours * HOUR) for number, hours in enumerate(HOURS)))


@pytest.fixture
def fired(answered, base):
    """A breach of a rule on it."""
    threshold = make_threshold(now=base + 5 * MINUTE, aggregate=NAME)
    evaluate(now=base + 6 * MINUTE + 1)
    return Breach.objects.get(threshold=threshold)


def read(client, address, **query):
    """The page at an address, as people read it."""
    answer = client.get(address, query)
    assert answer.status_code == 200, answer.content
    return unescape(answer.content.decode())


def test_it_is_what_numpy_says_from_values_and_within_a_hundredth_from_a_sketch(trimmed_mean):
    values = np.random.default_rng(7).lognormal(11, 1, 1000)
    expected = np.sort(values)[100:900].mean()
    whole = summarise(values)
    assert trimmed_mean.compute(whole, 60) == pytest.approx(expected)
    sketched = Summary(*whole[:5], None, Sketch.of(values))
    assert trimmed_mean.compute(sketched, 60) == pytest.approx(expected, rel=0.01)


def test_it_needs_no_migration_and_the_check_finds_nothing_wrong(trimmed_mean):
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)
    assert check_settings(None) == []


def test_the_kpi_and_its_statistics_tell_it_over_http(client, boss, answered):
    assert client.get(f"/api/v1/kpis/{TOPIC}/").json()["value"] == pytest.approx(51 * HOUR)
    found = client.get(f"/api/v1/kpis/{TOPIC}/stats/", {"window": 1800}).json()
    assert found[NAME] == pytest.approx(51 * HOUR) and found["mean"] == pytest.approx(130.9 * HOUR)
    empty = client.get(f"/api/v1/kpis/{TOPIC}/stats/", {"window": 1}).json()
    assert empty[NAME] is None


def test_the_schema_offers_it(client, boss):
    schema = client.get("/api/schema/", {"format": "json"}).json()["components"]["schemas"]
    assert schema["Stats"]["properties"][NAME]["nullable"]
    # Where two addresses take the same choices the list is a component of its own.
    named = str(schema["Threshold"]["properties"]["aggregate"]).rpartition("/")[2].rstrip("'}]")
    assert NAME in str(schema["Threshold"]["properties"]["aggregate"]) or NAME in schema[named]["enum"]


def test_a_threshold_on_it_is_created_over_http(client, boss, kpi):
    made = client.post("/api/v1/thresholds/", RULE, content_type="application/json")
    assert made.status_code == 201, made.content
    threshold = Threshold.objects.get()
    assert threshold.aggregate == NAME
    assert tell_rule(threshold, "seconds") == "trimmed mean over 30 min above 48 h"
    odd = client.post("/api/v1/thresholds/", RULE | {"aggregate": "trimmed"}, content_type="application/json")
    assert odd.status_code == 400 and NAME in odd.json()["errors"][0]["message"]


def test_the_tile_and_the_page_of_its_kpi_show_it(client, boss, answered):
    assert "2 d 3 h" in read(client, "/") and "trimmed mean of 30 min · 10 points" in read(client, "/")
    page = read(client, f"/kpis/{TOPIC}/")
    assert "2 d 3 h" in page and "trimmed mean of 30 min" in page
    # Its value stands on the scale of the points; the page's script learns so from this.
    assert f'"{NAME}": {{"label": "trimmed mean", "unit": "{{unit}}", "on_scale": true' in page


def test_the_threshold_form_offers_it_and_takes_its_limit_as_people_write_it(client, boss, kpi):
    form = read(client, "/admin/metrics_app/threshold/add/")
    assert '<option value="trimmed_mean">trimmed mean</option>' in form
    assert '<option value="trimmed_mean"' in read(client, "/admin/metrics_app/kpi/add/")
    fields = {
        **{"kpi": kpi.pk, "aggregate": NAME, "limit": "48 h", "operator": "gt", "window": "30 min"},
        **{"severity": "warning", "enabled": "on", "min_count": "3", "interval": "1 min"},
        **dict.fromkeys(["pending_for", "keep_firing_for", "cooldown", "delay"], "0"),
        **{"no_data": "keep", "no_data_for": "1 h", "action_params": "{}"},
        **{"versions-TOTAL_FORMS": "0", "versions-INITIAL_FORMS": "0"},
    }
    answer = client.post("/admin/metrics_app/threshold/add/", fields)
    assert answer.status_code == 302, answer.context["errors"]
    assert (Threshold.objects.get().aggregate, Threshold.objects.get().limit) == (NAME, 48 * HOUR)


def test_a_backtest_judges_it_over_history_and_over_a_file(client, boss, answered, base, tmp_path, capsys):
    span = {"from": base, "to": base + 40 * MINUTE}
    found = client.post(
        f"/api/v1/thresholds/backtest/?from={span['from']}&to={span['to']}", RULE, "application/json"
    )
    assert found.status_code == 200, found.content
    [breach] = found.json()["breaches"]
    # After a minute: 1 h and 50 h lie at 25.5 h. After two, of 1, 50, 50, 50 the trimmed mean is
    # (0.6 × 1 + 2 × 50 + 0.6 × 50) ÷ 3.2 = 40.8 h. After three (0.4 + 4.4 × 50) ÷ 4.8 … 45.9 h, then 49.1 h.
    assert breach["start"] == base + 4 * MINUTE
    path = tmp_path / "cases.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "created", "closed"])
        for number, hours in enumerate(HOURS):
            closed = 1_700_000_000 + number * 30
            moments = [
                time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at)) for at in (closed - hours * HOUR, closed)
            ]
            rows.writerow([number, *moments])
    rule = ("--aggregate", NAME, "--window", "1800", "--operator", "gt", "--limit", str(48 * HOUR))
    call_command("backtest", "--topic", TOPIC, *rule, "--csv", str(path), "--json")
    assert '"breaches": [{' in capsys.readouterr().out


def test_explain_says_what_it_saw(client, boss, fired):
    found = client.get(f"/api/v1/thresholds/{fired.threshold_id}/explain/").json()
    assert (found["class"], found["n"]) == ("breach", 10)
    assert found["value"] == pytest.approx(51 * HOUR)
    page = read(client, f"/thresholds/{fired.threshold_id}/explain/")
    assert "trimmed mean" in page and "51 h" in page


def test_the_proposal_of_its_breach_tells_it(client, boss, fired):
    announce()
    proposal = Pipeline.objects.get()
    assert proposal.kpi == pytest.approx(51 * HOUR)
    assert (proposal.evidence["aggregate"], proposal.evidence["n"]) == (NAME, 10)
    card = read(client, f"/inbox/{proposal.pk}/")
    assert "51 h" in card
    assert "trimmed mean" in card.lower()


def test_the_calendar_and_an_exported_hour_hold_it(client, boss, answered, base):
    compared = queries.compare_span([TOPIC], base, base + 6 * MINUTE)[TOPIC]
    assert compared[NAME] == pytest.approx(51 * HOUR)
    plan = queries.exports.plan_steps(base, base + 6 * MINUTE, 6 * MINUTE)
    rows = [row for piece in queries.exports.read_rows(TOPIC, plan) for row in piece[NAME]]
    assert any(row is not None for row in rows)


def test_what_the_settings_no_longer_name_breaks_no_page(client, boss, fired, settings):
    settings.METRICS_APP = {**settings.METRICS_APP, "AGGREGATES": []}
    assert NAME not in list_names()
    for address in ("/", f"/kpis/{TOPIC}/", "/admin/metrics_app/threshold/", "/api/v1/kpis/"):
        assert client.get(address).status_code == 200, address
    evaluate(now=fired.fired_at + 2 * MINUTE + 1)
    state = ThresholdState.objects.get()
    assert (state.state, state.data) == ("firing", "error")


def test_a_proposal_on_what_is_gone_says_so_and_draws_what_was_frozen(client, boss, fired, settings):
    announce()
    proposal = Pipeline.objects.get()
    settings.METRICS_APP = {**settings.METRICS_APP, "AGGREGATES": []}
    page = read(client, f"/inbox/{proposal.pk}/")
    assert "The project no longer knows the aggregate trimmed_mean." in page
    assert "Nothing is measured" not in page and "Cost of waiting" not in page
    [frozen] = (json.loads(text) for text in re.findall(r'data-evidence="(.*?)"><figcaption', page))
    assert frozen["label"] == "trimmed mean over 30 min"
    assert frozen["values"][-1] == pytest.approx(51 * HOUR)
    why = "the project no longer knows the aggregate trimmed_mean"
    assert why in read(client, "/inbox/")


def test_explain_names_an_aggregate_that_is_gone(client, boss, fired, settings):
    settings.METRICS_APP = {**settings.METRICS_APP, "AGGREGATES": []}
    evaluate(now=fired.fired_at + 2 * MINUTE + 1)
    found = client.get(f"/api/v1/thresholds/{fired.threshold_id}/explain/").json()
    assert found["class"] == "error"
    assert found["reason"].startswith("The project no longer knows the aggregate trimmed_mean: not judged.")


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("tests.outside.city.nowhere.TRIMMED_MEAN", "No module named 'tests.outside.city.nowhere'"),
        ("tests.outside.city.trimming.trim", "is no Aggregate"),
        ("metrics_app.core.aggregate_functions.mean", "is no Aggregate"),
    ],
)
def test_the_check_names_a_path_that_cannot_be_used(settings, path, said):
    settings.METRICS_APP = {**settings.METRICS_APP, "AGGREGATES": [path]}
    [error] = check_settings(None)
    assert error.id == "metrics_app.E002" and repr(path) in error.msg and said in error.msg


def test_the_example_in_the_documents_works():
    text = (Path(__file__).parent.parent / "docs" / "thresholds.md").read_text()
    example = text.split("## Aggregates of your own")[1].split("```python\n")[1].split("```")[0]
    names = {}
    exec(example, names)
    register(names["SPREAD"])
    try:
        assert compute("spread", summarise(np.arange(11.0)), 60) == pytest.approx(8)
    finally:
        unregister("spread")


OTHERS = [
    Aggregate("range", "range", lambda summary, window: summary.max - summary.min, reads=EXTREMES),
    Aggregate(
        "count_above",
        "number above",
        lambda summary, window, value: round(summary.count * summary.share_above(value)),
        asks="from which value on it counts",
        unit=COUNTED,
        empty=0.0,
    ),
    Aggregate("p95_change", "change of the 95th percentile", kind="change", unit="%", base="p95", ago=MINUTE),
]


@pytest.fixture
def others():
    """One of each other kind, as a project could register them."""
    register(*OTHERS)
    yield
    unregister(*(one.name for one in OTHERS))


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("range", None, 899 * HOUR),
        ("count_above", 51 * HOUR, 5),
        # 50 and 52 h lie at 51.9 h, 50 and 50 h in the minute before.
        ("p95_change", None, 3.8),
    ],
)
def test_those_of_other_kinds_are_judged_alike_live_and_in_a_backtest(
    others, answered, base, name, value, expected
):
    slot, window = (base + 3 * MINUTE, 60) if name == "p95_change" else (base + 5 * MINUTE, 1800)
    [seen] = queries.observe([(TOPIC, slot - window * 1000, slot, name, value)])
    assert seen.value == pytest.approx(expected)
    rule = Rule(name, window, "gt", 1e9, aggregate_value=value)
    found = backtest_history(TOPIC, rule, slot - MINUTE, slot + MINUTE, step=60)
    assert found.chart["values"][found.chart["ts"].index(slot)] == pytest.approx(expected)


def test_an_aggregate_that_asks_for_a_value_is_for_rules_only_and_its_limit_is_in_its_own_unit(others, kpi):
    assert "count_above" in list_names() and "count_above" not in list_names("on_tiles")
    draft = {"aggregate": "count_above", "window": 600, "operator": "gt", "limit": 4}
    with pytest.raises(BadInput, match="count_above asks from which value on it counts"):
        save_threshold(Threshold(kpi=kpi, **draft), by=None)
    threshold = save_threshold(Threshold(kpi=kpi, aggregate_value=48 * HOUR, **draft), by=None)
    assert tell_rule(threshold, "seconds") == "number above 48 h over 10 min above 4"
