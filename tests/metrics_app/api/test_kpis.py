"""Reading KPIs over the API."""

import time

import pytest
from django.contrib.auth.models import Group

from metrics_app import queries
from metrics_app.collector import collect_all
from metrics_app.models import Breach, Kpi
from metrics_app.pages.tiles import list_tiles
from metrics_app.queries import shard_for
from metrics_app.services.record import record
from metrics_app.services.rules.deadman import save_expectation

pytestmark = pytest.mark.django_db


@pytest.fixture
def kpis():
    """Two KPIs with three points, one restricted to a group."""
    group = Group.objects.create(name="air quality")
    Kpi.objects.create(topic="complaint.latency", name="Latency", unit="seconds", window=1800)
    Kpi.objects.create(topic="complaint.received", aggregate="rate_per_hour", window=3600, direction="none")
    Kpi.objects.create(topic="complaint.secret", owner=group, restricted=True)
    now = time.time_ns() // 1_000_000
    record([("complaint.latency", value, now - 90_000) for value in (10, 20)])
    record([("complaint.latency", 60, now - 1_000), ("complaint.received", 1, None)])
    collect_all()
    return group


def get(client, url, **wanted):
    return client.get(f"/api/v1/kpis/{url}", **wanted)


def test_it_lists_what_one_may_see_with_the_values_of_the_tiles(client, person, kpis):
    page = get(client, "").json()
    assert [page[name] for name in ("count", "next", "previous")] == [2, None, None]
    latency, received = page["results"]
    assert latency.pop("computed_at") == received.pop("computed_at") > 1_732_000_000_000
    assert latency == {
        "topic": "complaint.latency",
        "name": "Latency",
        "unit": "seconds",
        "direction": "lower",
        "aggregate": "mean",
        "window": 1800,
        "expected_interval": None,
        "silent_since": None,
        "condition": "none",
        "no_data": False,
        "unjudged_since": None,
        "value": 30.0,
    }
    assert (received["name"], received["value"]) == ("complaint.received", 1.0)


def test_it_shows_restricted_kpis_to_their_group(client, person, kpis):
    assert get(client, "complaint.secret/").status_code == 404
    person.groups.add(kpis)
    assert get(client, "complaint.secret/").json()["value"] is None
    assert get(client, "").json()["count"] == 3


def test_it_pages(client, person, kpis):
    page = get(client, "?limit=1&offset=1").json()
    assert [kpi["topic"] for kpi in page["results"]] == ["complaint.received"]
    assert page["count"] == 2 and page["next"] is None
    assert "limit=1" in page["previous"]


@pytest.mark.parametrize("query", ["limit=x", "limit=0", "limit=-1", "offset=-1", "offset=1.5", "topc=a"])
def test_it_refuses_a_page_that_is_none(client, person, query):
    response = get(client, f"?{query}")
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == query.split("=")[0]


def test_it_gives_statistics(client, person, kpis):
    stats = get(client, "complaint.latency/stats/?window=60").json()
    assert (stats["count"], stats["mean"], stats["window"]) == (1, 60.0, 60)
    stats = get(client, "complaint.latency/stats/").json()
    assert (stats["count"], stats["sum"], stats["min"], stats["max"]) == (3, 90.0, 10.0, 60.0)
    assert list(stats) == [
        *("topic", "window", "count", "sum", "mean", "min", "max", "stddev"),
        *("p50", "p90", "p95", "p99", "rate_per_hour", "last_point_at", "computed_at", "recorded"),
    ]
    assert 0 < stats["recorded"] < 1, "its first point came within the window"


def test_an_empty_window_has_zeros_and_nulls(client, person, kpis):
    Kpi.objects.create(topic="silent")
    stats = get(client, "silent/stats/").json()
    assert (stats["count"], stats["sum"], stats["rate_per_hour"]) == (0, 0, 0)
    assert {stats[name] for name in ("mean", "min", "max", "stddev", "p50", "p99", "last_point_at")} == {None}
    assert stats["recorded"] == 0, "nobody counted, and the zeros say nothing"


@pytest.mark.parametrize("window", ["0", "-5", "316224001", "x", "", "1.5", "9" * 30])
def test_it_refuses_a_window_that_is_none(client, person, kpis, window):
    response = get(client, f"complaint.latency/stats/?window={window}")
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == "window"


def test_it_gives_a_series(client, person, kpis):
    columns = get(client, "complaint.latency/series/?start=-300&step=60").json()
    assert list(columns) == ["ts", "count", "mean", "min", "max", "p50", "p95", "recorded"]
    assert sum(columns["count"]) == 3
    assert columns["recorded"][0] == 0 and columns["recorded"][-1] > 0, (
        "before its first point nobody counted"
    )
    assert {len(column) for column in columns.values()} == {len(columns["ts"])}
    assert all(ts % 60_000 == 0 for ts in columns["ts"])
    assert columns["mean"][columns["count"].index(0)] is None


def test_times_may_be_ms_or_iso_or_relative(client, person, kpis):
    end = time.time_ns() // 60_000_000_000 * 60
    iso = time.strftime("%Y-%m-%dT%H:%M:%S%%2B00:00", time.gmtime(end))
    lost_plus = iso.replace("%2B", "+")
    starts = (f"{(end - 600) * 1000}", "-600", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end - 600)))
    for query in (f"start={starts[0]}&end={iso}", f"start={starts[2]}&end={lost_plus}"):
        columns = get(client, f"complaint.latency/series/?{query}").json()
        assert (columns["ts"][0], len(columns["ts"])) == ((end - 600) * 1000, 10)
    assert get(client, f"complaint.latency/series/?start={starts[1]}").status_code == 200


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("start=x", "start"),
        ("end=2024-11-24T00:00", "end"),
        ("start=1732390000", "start"),
        ("start=-60&end=-120", "start"),
        ("start=2001-01-01T00:00Z&step=1", "step"),
        (f"end={'9' * 18}", "step"),
        ("step=0", "step"),
        ("step=x", "step"),
        (f"start=-{'9' * 18}", "start"),
        ("start=", "start"),
    ],
)
def test_it_names_the_parameter_that_is_wrong(client, person, kpis, query, field):
    response = get(client, f"complaint.latency/series/?{query}")
    assert response.status_code == 400
    assert response.json()["errors"][0]["field"] == field


@pytest.mark.parametrize(("url", "misspelt"), [("stats", "windw"), ("series", "strat"), ("series", "zone")])
def test_a_misspelt_parameter_is_refused_by_name(client, person, kpis, url, misspelt):
    """The answer to another question would look like the answer to this one."""
    response = get(client, f"complaint.latency/{url}/?{misspelt}=-86400")
    assert response.status_code == 400 and response.json()["errors"][0]["field"] == misspelt


@pytest.mark.parametrize("url", ["", "stats/", "series/"])
@pytest.mark.parametrize("topic", ["never.seen", "NOT-A-TOPIC", "x" * 101, "a%00b", "complaint.secret"])
def test_what_is_unknown_or_not_for_you_is_not_there(client, person, kpis, topic, url):
    response = get(client, f"{topic}/{url}")
    assert response.status_code == 404
    assert "There is no KPI" in response.json()["errors"][0]["message"]


API = ["", "stats/", "series/", "calendar/", "compare/", "export/"]
DOORS = [*(f"/api/v1/kpis/{{}}/{url}" for url in API), "/kpis/{}/", "/kpis/{}/chart/"]


@pytest.mark.parametrize("url", DOORS)
def test_what_was_deleted_is_at_no_door_though_its_points_stay(client, person, kpis, url):
    assert client.get(url.format("complaint.received")).status_code == 200
    Kpi.objects.filter(topic="complaint.received").delete()
    assert client.get(url.format("complaint.received")).status_code == 404
    # Under its name it comes again with what is kept, at once: another process has made the row.
    Kpi.objects.bulk_create([Kpi(topic="complaint.received")])
    if "/api/" in url:
        assert client.get(url.format("complaint.received")).status_code == 200
    assert queries.stats("complaint.received", 600)["count"] == 1


def test_a_key_reads_with_the_scope_for_it(client, kpis, bearer):
    assert get(client, "").status_code == 401
    assert get(client, "", headers=bearer("read")).json()["count"] == 2
    assert get(client, "", headers=bearer("read", topics=["complaint.received"])).json()["count"] == 1
    for scope in ("emit", "propose", "partner"):
        response = get(client, "complaint.latency/", headers=bearer(scope))
        assert response.status_code == 403
        assert response.json()["errors"][0]["message"]


def test_a_huge_sum_is_null_and_no_fault(client, person):
    record([("huge", 1.7e308, None)] * 3)
    collect_all()
    response = get(client, "huge/stats/")
    assert response.status_code == 200
    assert response.json()["count"] == 3
    assert get(client, "huge/series/").status_code == 200
    assert get(client, "huge/").status_code == 200


def test_it_says_that_redis_is_away(client, person, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"REDIS_URL": "redis://127.0.0.1:1/0"}
    Kpi.objects.create(topic="a")
    for url in ("", "a/", "a/stats/", "a/series/"):
        response = get(client, url)
        assert response.status_code == 503
        assert response["Retry-After"]


def test_a_kpi_that_fell_silent_says_since_when(client, person, kpis):
    kpi = Kpi.objects.get(topic="complaint.received")
    kpi.expected_interval = 60
    kpi.save()
    threshold = save_expectation(kpi, by=None)
    assert get(client, "complaint.received/").json()["silent_since"] is None
    Breach.objects.create(threshold=threshold, kind="data", version=1, since=4_000, fired_at=5_000)
    body = get(client, "complaint.received/").json()
    assert (body["expected_interval"], body["silent_since"]) == (60, 5_000)


def test_its_value_stands_still_with_the_collector_as_the_tile_does(
    client, person, kpis, bearer, monkeypatch
):
    mark = time.time_ns() // 1_000_000 - 80_000
    monkeypatch.setattr(queries, "collected_through", lambda: {shard_for("complaint.latency"): mark})
    body = get(client, "complaint.latency/").json()
    [tile] = list_tiles([Kpi.objects.get(topic="complaint.latency")])
    assert body["value"] == tile["value"] == 15, "what came after the mark is not counted yet"
    assert body["computed_at"] == mark
    assert 'window="1800"} 15.0' in client.get("/metrics", headers=bearer("read")).content.decode()
