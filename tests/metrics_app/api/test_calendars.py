"""A KPI per local hour, day, week and month over the API, and spans of it beside earlier ones."""

from urllib.parse import urlencode

import pytest
from django.contrib.auth.models import Group
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from metrics_app import queries
from metrics_app.core.points import parse_iso
from metrics_app.models import Kpi
from metrics_app.services.archive import archive
from tests.examples import examples
from tests.metrics_app.histories import DAY, HOUR, MINUTE, Clockwork
from tests.metrics_app.points import publish

pytestmark = pytest.mark.django_db
TOPIC = "complaint.latency"


@pytest.fixture
def kpi(person):
    """A KPI with a point every ten minutes around the days on which Berlin moved its clocks."""
    clockwork = Clockwork()
    Kpi.objects.create(topic=TOPIC)
    for day in ("2025-03-30", "2025-10-26"):
        noon = parse_iso(f"{day}T12:00Z")
        publish(TOPIC, range(noon - 3 * DAY, noon + 3 * DAY, 10 * MINUTE), 2)
    publish(TOPIC, range(clockwork.now - 9 * DAY, clockwork.now, HOUR), 5)
    clockwork.collect()
    archive()
    return clockwork


def get(client, url, **wanted):
    return client.get(f"/api/v1/kpis/{TOPIC}/{url}", **wanted)


@pytest.mark.parametrize(("day", "hours"), [("2025-03-30", 23), ("2025-10-26", 25)])
def test_a_day_is_as_long_as_the_local_clock_makes_it(client, kpi, day, hours):
    query = f"zone=Europe/Berlin&start={day}T00:00Z&end={day}T12:00Z"
    columns = get(client, f"calendar/?by=day&{query}").json()
    assert list(columns) == [
        *("ts", "end", "count", "sum", "mean", "min", "max", "p50", "p95", "revised"),
    ]
    assert columns["end"][0] - columns["ts"][0] == hours * HOUR
    assert (columns["count"], columns["sum"]) == ([hours * 6], [hours * 12.0])
    by_hour = get(
        client, f"calendar/?by=hour&zone=Europe/Berlin&start={columns['ts'][0]}&end={columns['end'][0]}"
    ).json()
    assert by_hour["count"] == [6] * hours and sum(by_hour["sum"]) == columns["sum"][0]


def test_the_same_days_earlier_stand_beside_those_of_now(client, kpi):
    query = (
        "calendar/?by=day&zone=Europe/Berlin&start=2025-10-27T12:00Z&end=2025-10-28T12:00Z&compare=day,month"
    )
    columns = get(client, query).json()
    assert list(columns["earlier"]) == ["day", "month"]
    assert columns["earlier"]["day"]["count"] == [25 * 6, 24 * 6]
    assert columns["earlier"]["month"]["count"] == [0, 0]


def test_a_span_stands_beside_the_same_local_times_earlier(client, kpi):
    query = "compare/?zone=Europe/Berlin&start=2025-10-26T12:00%2B01:00&end=2025-10-26T18:00%2B01:00"
    found = get(client, f"{query}&compare=day").json()
    start = parse_iso("2025-10-26T11:00Z")
    assert (found["topic"], found["zone"], found["start"]) == (TOPIC, "Europe/Berlin", start)
    assert (found["count"], found["sum"], found["mean"]) == (36, 72.0, 2.0)
    # Noon of the day before was one hour earlier on the clock of the world.
    assert found["earlier"]["day"]["start"] == start - 25 * HOUR
    assert found["earlier"]["day"]["count"] == 36


def test_without_a_span_it_is_today_beside_yesterday_and_a_week_ago(client, kpi):
    found = get(client, "compare/?zone=America/New_York").json()
    expected = queries.so_far([TOPIC], "America/New_York")[TOPIC]
    assert found["start"] == expected["start"] and found["count"] == expected["count"]
    assert list(found["earlier"]) == ["day", "week"]
    assert list(get(client, "compare/?by=month&compare=year").json()["earlier"]) == ["year"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("calendar/?by=fortnight", "by"),
        ("calendar/?by=", "by"),
        ("calendar/?zone=Mars/Olympus", "zone"),
        ("calendar/?zone=../../etc/passwd", "zone"),
        ("calendar/?zone=Europe%00", "zone"),
        ("calendar/?start=-60&end=-120", "start"),
        ("calendar/?start=soon", "start"),
        (f"calendar/?end={'9' * 18}", "end"),
        (f"calendar/?start={'9' * 17}&end={'9' * 18}", "start"),
        ("calendar/?by=hour&start=2001-01-01T00:00Z", "by"),
        ("calendar/?by=hour&start=2025-01-01T00:00Z&compare=day,week,month,year", "by"),
        ("calendar/?compare=decade", "compare"),
        ("calendar/?compare=", "compare"),
        ("calendar/?as=wished", "as"),
        ("calendar/?step=60", "step"),
        ("calendar/?format=csv", "format"),
        ("calendar/?zone[]=UTC", "zone[]"),
        ("compare/?start=-60&by=day", "by"),
        ("compare/?end=-60", "start"),
        ("compare/?start=-60&end=-120", "start"),
        ("compare/?window=60", "window"),
        ("compare/?zone=berlin", "zone"),
    ],
)
def test_it_names_the_parameter_that_is_wrong(client, kpi, query, field):
    response = get(client, query)
    assert response.status_code == 400
    error, *_ = response.json()["errors"]
    assert error["field"] == field
    assert any(word in error["message"] for word in ("expected", "is not before", "looks like"))


@pytest.mark.parametrize("url", ["calendar/", "compare/", "export/"])
def test_a_restricted_kpi_is_not_there(client, kpi, bearer, url):
    group = Group.objects.create(name="air quality")
    Kpi.objects.filter(topic=TOPIC).delete()
    Kpi.objects.create(topic=TOPIC, restricted=True, owner=group)
    assert get(client, url).status_code == 404
    assert get(client, url, headers=bearer("read")).status_code == 404
    assert get(client, url, headers=bearer("read", group=group)).status_code == 200
    assert get(client, url, headers=bearer("emit")).status_code == 403
    client.logout()
    assert get(client, url).status_code == 401


def test_months_of_twenty_years_are_answered(client, kpi):
    columns = get(client, "calendar/?by=month&start=2007-01-01T00:00Z&zone=America/New_York").json()
    assert sum(columns["count"]) == 2 * 864 + 9 * 24


PARAMS = ("by", "zone", "start", "end", "compare", "as", "step", "format", "year", "limit", "")
VALUES = st.one_of(
    st.sampled_from(
        ["hour", "month", "day,year", "UTC", "Asia/Kolkata", "csv", "parquet", "published", "60"]
    ),
    st.sampled_from(
        ["-3600", "0", "-0", "1e9", "NaN", "2025-10-26T00:00Z", "9" * 18, "-" + "9" * 18, "\0", "'--"]
    ),
    st.text(max_size=12),
)


@settings(max_examples=examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.sampled_from(["api/v1/kpis/{}/calendar/", "api/v1/kpis/{}/compare/", "api/v1/kpis/{}/export/"])
    | st.sampled_from(["open-data/{}/day.csv", "open-data/{}/hour.jsonl"]),
    st.lists(st.tuples(st.sampled_from(PARAMS), VALUES), max_size=4),
)
def test_whatever_is_asked_is_answered_or_refused_by_name(client, kpi, path, query):
    Kpi(pk=Kpi.objects.get().pk, topic=TOPIC, open_data=True).save(update_fields=["open_data"])
    response = client.get(f"/{path.format(TOPIC)}?{urlencode(query)}")
    if response.status_code == 200:
        assert not response.streaming or b"".join(response.streaming_content)
    else:
        assert response.status_code == 400 or (response.status_code == 429 and "open-data" in path)
        assert response.json()["errors"][0]["message"]
