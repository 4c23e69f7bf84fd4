"""That nothing was recorded is no zero, at whichever door somebody asks."""

import csv
import io
import time

import pytest
from django.contrib.auth.models import User

from hms_gov.joins.quantities import draw, observe, read_rule
from metrics_app.models import Kpi
from metrics_app.registry import forget
from metrics_app.services.archive import archive
from tests.metrics_app.histories import DAY, HOUR, Clockwork
from tests.metrics_app.points import publish

pytestmark = pytest.mark.django_db
LIVE, OLD = "er.seen", "er.old"


@pytest.fixture
def now(client):
    """Two rates whose past came late: three days of it, 100 days ago; one of them has had a point since."""
    for topic in (LIVE, OLD):
        Kpi.objects.create(topic=topic, aggregate="rate_per_hour", window=3600, open_data=True)
    clockwork = Clockwork()
    old = clockwork.now // HOUR * HOUR - 100 * DAY
    for topic in (LIVE, OLD):
        publish(topic, range(old, old + 3 * DAY, 2 * HOUR))
    publish(LIVE, clockwork.now - 1000)
    clockwork.collect()
    archive()
    client.force_login(User.objects.create_superuser("ada"))
    forget()
    return time.time_ns() // 1_000_000


def read_csv(response):
    content = b"".join(response) if response.streaming else response.content
    return list(csv.DictReader(io.StringIO(content.decode())))


def test_a_chart_its_table_and_its_file_have_a_gap(client, now):
    query = {"from": now - 105 * DAY, "to": now - 90 * DAY, "table": "1"}
    answer = client.get(f"/kpis/{LIVE}/chart/", query).json()
    plot = answer["plot"]
    known = [at for at, one in zip(plot["ts"], plot["recorded"], strict=True) if one]
    assert now - 101 * DAY < min(known) and max(known) < now - 96 * DAY
    for value, n, one in zip(plot["value"], plot["n"], plot["recorded"], strict=True):
        assert (value is None) == (n is None)
        assert one not in (0, 1) or bool(one) == (n is not None), "of a part there may be points"
    assert "not recorded" in answer["html"]["values"]
    rows = read_csv(client.get(f"/kpis/{LIVE}/values.csv", query))
    assert [float(row["recorded"]) for row in rows] == plot["recorded"]
    assert [row["n"] == "" for row in rows] == [n is None for n in plot["n"]]


def test_an_earlier_week_that_nobody_counted_is_not_compared_with(client, now):
    plot = client.get(f"/kpis/{LIVE}/chart/", {"span": "24h", "compare": "week"}).json()["plot"]
    assert set(plot["compare"]["values"]) == {None}


def test_a_series_a_calendar_and_an_export_say_what_was_recorded(client, now):
    query = {"start": now - 105 * DAY, "end": now - 90 * DAY}
    series = client.get(f"/api/v1/kpis/{LIVE}/series/", query | {"step": 86400}).json()
    days = client.get(f"/api/v1/kpis/{LIVE}/calendar/", query | {"by": "day"}).json()
    rows = read_csv(client.get(f"/api/v1/kpis/{LIVE}/export/", query | {"by": "day"}))
    for columns in (
        series,
        days,
        {name: [float(row[name]) for row in rows] for name in ("count", "recorded")},
    ):
        assert columns["recorded"][0] == columns["recorded"][-1] == 0
        assert 1 in columns["recorded"], "of a day in the middle nothing is missing"
        assert all(share > 0 for n, share in zip(columns["count"], columns["recorded"], strict=True) if n)


def test_tile_api_and_exposition_have_no_value_of_an_hour_that_nobody_counted(client, now):
    tile = client.get("/tiles/", {"topic": OLD}).json()["tiles"][0]
    assert (tile["number"], tile["value"]) == ("—", None) and set(tile["chart"]["values"]) == {None}
    assert "of which" in tile["facts"] or "nothing was recorded" in tile["facts"]
    assert tile["last_at"] > now - 98 * DAY, "its last point came by a file"
    assert client.get(f"/api/v1/kpis/{OLD}/").json()["value"] is None
    assert client.get(f"/api/v1/kpis/{LIVE}/").json()["value"] == 1
    text = client.get("/metrics").content.decode()
    assert f'hms_kpi_value{{aggregate="rate_per_hour",topic="{LIVE}"' in text
    assert f'hms_kpi_value{{aggregate="rate_per_hour",topic="{OLD}"' not in text


def test_evidence_has_no_value_and_no_line_of_it(now):
    kpi = Kpi.objects.get(topic=OLD)
    rule = read_rule(kpi)
    assert observe([OLD], [rule], now // 1000 * 1000) == [(None, 0)]
    assert set(draw(kpi, rule, now - HOUR, now, None)["values"]) == {None}


def test_open_data_claims_nothing_that_was_not_recorded(client, now):
    page = client.get("/open-data/")
    kpis = {kpi["topic"]: kpi for kpi in page.context["kpis"]}
    assert kpis[LIVE]["figures"][1][1:] == ("—", "not recorded"), "yesterday"
    assert kpis[OLD]["figures"][2][1] == "—", "the last seven days"
    assert len(kpis[LIVE]["covered"]) == 2
    assert ", then " in page.content.decode()
    [dataset] = [
        one
        for one in client.get("/open-data/catalog.json").json()["dataset"]
        if one["identifier"].endswith(f"#{LIVE}")
    ]
    assert "Recorded: " in dataset["description"]
