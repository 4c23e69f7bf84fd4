"""Open data: for everybody, bounded, and nothing else for anybody."""

import csv
import io
import re
from datetime import UTC

import pytest
from django.contrib.auth.models import Group

from metrics_app import queries, registry
from metrics_app.core.calendars import to_local
from metrics_app.core.points import parse_iso
from metrics_app.exceptions import TooMany
from metrics_app.files import open_data
from metrics_app.files.writers import FORMATS
from metrics_app.models import Kpi
from metrics_app.services.archive import archive
from metrics_app.services.compact import compact_history
from tests.metrics_app.histories import DAY, HOUR, MINUTE, Clockwork
from tests.metrics_app.points import publish

pytestmark = pytest.mark.django_db
OPEN, CLOSED, SECRET = "complaint.latency", "complaint.open", "complaint.secret"


@pytest.fixture
def kpis():
    """An open KPI, one that is not, and a restricted one, with points of 500 days."""
    clockwork = Clockwork()
    owner = Group.objects.create(name="air quality")
    texts = {"description": "How long people wait.", "method": "From filing to answer."}
    Kpi.objects.create(topic=OPEN, name="Response time", unit="seconds", open_data=True, **texts)
    Kpi.objects.create(topic=CLOSED, name="Not for strangers")
    Kpi.objects.create(topic=SECRET, name="Secret", restricted=True, owner=owner)
    for topic in (OPEN, CLOSED, SECRET):
        publish(topic, range(clockwork.now - 500 * DAY, clockwork.now, 5 * HOUR), 7200)
    clockwork.collect()
    archive()
    return clockwork


def read_csv(response):
    """The rows of a file."""
    assert response.status_code == 200, response.content
    return list(csv.DictReader(io.StringIO(b"".join(response.streaming_content).decode())))


def test_the_page_shows_open_kpis_and_nothing_of_others_without_a_log_in(client, kpis):
    response = client.get("/open-data/")
    page = response.content.decode()
    assert "1 figure is open data, free for everybody to use" in page
    for text in (
        "Response time",
        "How long people wait.",
        "From filing to answer.",
        "2 h",
        "CC0 1.0 Universal",
    ):
        assert text in page, text
    assert "within 1 %" in page and "As first published" in page and "seconds" in page
    assert "strangers" not in page and "Secret" not in page and SECRET not in page
    assert response["Cache-Control"] == "max-age=60, public"
    assert "<style" not in page and "style=" not in page and "<script>" not in page


def test_every_link_of_the_page_leads_to_a_file(client, kpis):
    links = re.findall(r'href="(/open-data/[^"]+)"', client.get("/open-data/").content.decode())
    files = [link for link in links if "catalog" not in link]
    assert len(files) == 4 * len(FORMATS) + 2  # and two years
    for link in files:
        assert client.get(link).status_code == 200, link


def test_an_old_kpi_has_files_and_each_year_that_has_points(client):
    clockwork, topic = Clockwork(), "doors.old"
    Kpi.objects.create(topic=topic, name="Doors", open_data=True)
    days = ("2005-03-01", "2005-12-31T23:30", "2008-07-01", "2012-07-01T12:00")
    publish(topic, [parse_iso(f"{day}Z" if "T" in day else f"{day}T00:00Z") for day in days], 4)
    clockwork.collect()
    archive()
    page = client.get("/open-data/").content.decode()
    for by in ("hour", "day"):
        links = re.findall(rf'href="(/open-data/doors.old/{by}.csv\?year=\d+)"', page)
        assert [link[-4:] for link in links] == ["2012", "2008", "2005"]
        counts = [sum(int(row["count"]) for row in read_csv(client.get(link))) for link in links]
        assert counts == [1, 1, 2]
        rows = read_csv(client.get(f"/open-data/{topic}/{by}.csv"))
        assert rows[-1]["count"] == "1" and rows[-1]["local_start"].startswith("2012-07-01")
    [dataset] = client.get("/open-data/catalog.json").json()["dataset"]
    years = [file["downloadURL"] for file in dataset["distribution"] if "?year=" in file["downloadURL"]]
    assert len(years) == 2 * 3 * len(FORMATS)


def test_a_year_of_another_zone_is_not_offered_for_the_first_hours_of_the_next(client, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"OPEN_DATA_ZONE": "America/New_York"}
    clockwork = Clockwork()
    Kpi.objects.create(topic="doors.old", open_data=True)
    publish(
        "doors.old", [parse_iso(f"{at}:00Z") for at in ("2005-03-01T12", "2009-01-01T10", "2010-05-01T00")], 4
    )
    clockwork.collect()
    archive()
    compact_history()
    [kpi] = open_data.list_published()
    assert kpi["years"] == {"hour": [2010, 2009, 2005], "day": [2010, 2009, 2005]}


def test_the_page_says_what_to_do_while_nothing_is_open(client):
    page = client.get("/open-data/").content.decode()
    assert "Nothing is published as open data yet" in page and "in its admin" in page


def test_who_is_logged_in_gets_a_page_of_their_own(client, kpis, admin_client):
    assert admin_client.get("/open-data/")["Cache-Control"] == "max-age=60, private"


def test_a_file_has_the_days_that_are_over_and_adds_up(client, kpis):
    rows = read_csv(client.get(f"/open-data/{OPEN}/day.csv"))
    assert len(rows) in (500, 501) and int(rows[-1]["end"]) == kpis.now // DAY * DAY
    whole = queries.compare_span([OPEN], int(rows[0]["ts"]), int(rows[-1]["end"]))[OPEN]
    assert sum(int(row["count"]) for row in rows) == whole["count"]
    assert sum(float(row["sum"]) for row in rows) == whole["sum"]
    assert len(read_csv(client.get(f"/open-data/{OPEN}/hour.csv"))) == 366 * 24


def test_a_year_is_that_of_the_zone_it_is_published_in(client, kpis, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"OPEN_DATA_ZONE": "Europe/Berlin"}
    rows = read_csv(client.get(f"/open-data/{OPEN}/hour.csv?year=2026"))
    assert rows[0]["local_start"] == "2026-01-01T00:00:00+01:00"
    assert int(rows[0]["ts"]) == parse_iso("2025-12-31T23:00Z")
    assert read_csv(client.get(f"/open-data/{OPEN}/hour.csv?year=2001")) == []


def test_as_first_published_leaves_out_what_came_late(client, kpis):
    rows = read_csv(client.get(f"/open-data/{OPEN}/day.csv?as=published"))
    # All these points were older than an hour when they came.
    assert sum(int(row["count"]) for row in rows) == 0 and {row["revised"] for row in rows} == {"true"}


@pytest.mark.parametrize("topic", [CLOSED, SECRET, "never.seen", "NOT-A-TOPIC", "x" * 200])
@pytest.mark.parametrize("logged_in", [False, True])
def test_what_is_not_open_is_not_there(client, kpis, topic, logged_in, admin_user):
    if logged_in:
        client.force_login(admin_user)
    response = client.get(f"/open-data/{topic}/day.csv")
    assert response.status_code == 404
    assert "There is no open data of the topic" in response.json()["errors"][0]["message"]
    assert response["Cache-Control"] == "no-store"


def test_elsewhere_an_open_kpi_still_needs_a_log_in(client, kpis):
    for url in (f"/api/v1/kpis/{OPEN}/export/", f"/api/v1/kpis/{OPEN}/", "/api/v1/kpis/"):
        assert client.get(url).status_code == 401
    assert client.get(f"/kpis/{OPEN}/").status_code == 302


@pytest.mark.parametrize(
    ("url", "status", "field"),
    [
        ("minute.csv", 404, None),
        ("day.xlsx", 404, None),
        ("day", 404, None),
        ("day.csv?year=1999", 400, "year"),
        ("day.csv?year=2026.5", 400, "year"),
        ("day.csv?as=wished", 400, "as"),
        ("day.csv?start=0", 400, "start"),
        ("day.csv?zone=UTC", 400, "zone"),
        ("day.csv?format=parquet", 400, "format"),
    ],
)
def test_odd_questions_are_refused_by_name(client, kpis, url, status, field):
    response = client.get(f"/open-data/{OPEN}/{url}")
    assert response.status_code == status
    assert response.json()["errors"][0]["field"] == field


def test_the_catalogue_speaks_dcat_us(client, kpis, settings):
    contact = {"OPEN_DATA_PUBLISHER": "City of Boston", "OPEN_DATA_CONTACT": "data@boston.example"}
    settings.METRICS_APP = settings.METRICS_APP | contact
    response = client.get("/open-data/catalog.json")
    assert response["Access-Control-Allow-Origin"] == "*"
    catalog = response.json()
    assert catalog["conformsTo"] == "https://project-open-data.cio.gov/v1.1/schema"
    [dataset] = catalog["dataset"]
    always = {"title", "description", "keyword", "modified", "publisher", "contactPoint"}
    assert all(dataset[name] for name in always | {"identifier", "accessLevel"})
    assert dataset["accessLevel"] == "public" and dataset["license"].startswith(
        "https://creativecommons.org/"
    )
    assert dataset["publisher"]["name"] == "City of Boston"
    assert dataset["contactPoint"]["hasEmail"] == "mailto:data@boston.example"
    assert "How long people wait." in dataset["description"] and "seconds" in dataset["description"]
    first, last = map(parse_iso, dataset["temporal"].split("/"))
    assert first == (kpis.now - 500 * DAY) // MINUTE * MINUTE and last <= kpis.now
    files = dataset["distribution"]
    years = [file for file in files if "?year=" in file["downloadURL"]]
    assert len(files) - len(years) == 4 * len(FORMATS) and len(years) == 2 * len(FORMATS)
    assert years[0]["title"].endswith(f"CSV, {to_local(kpis.now, UTC).year}")
    assert {file["mediaType"] for file in files} >= {"text/csv", "application/x-ndjson"}
    for file in files:
        assert client.get(file["downloadURL"]).status_code == 200
    assert SECRET not in response.content.decode() and CLOSED not in response.content.decode()


def test_a_kpi_that_becomes_restricted_stops_being_open(client, kpis):
    kpi = Kpi.objects.get(topic=OPEN)
    kpi.restricted, kpi.owner = True, Group.objects.get()
    kpi.save(update_fields=["restricted", "owner"])
    kpi.refresh_from_db()
    assert kpi.restricted and not kpi.open_data
    assert client.get(f"/open-data/{OPEN}/day.csv").status_code == 404
    assert "Response time" not in client.get("/open-data/").content.decode()
    kpi.restricted = False
    kpi.save()
    assert registry.find_open(OPEN) is None  # and does not come back by itself


def test_strangers_are_counted_and_asked_to_wait(client, kpis, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"OPEN_DATA_PER_MINUTE": 6}
    answers = [client.get(f"/open-data/{OPEN}/day.csv", REMOTE_ADDR=f"10.0.0.{n // 3}") for n in range(9)]
    statuses = [answer.status_code for answer in answers]
    # Two of each address, six in all; the minute may turn in between.
    assert statuses[:3] in ([200, 200, 429], [200, 200, 200]) and statuses.count(429) >= 2
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert 1 <= int(refused["Retry-After"]) <= 60 and refused.json()["errors"]
    assert client.head(f"/open-data/{OPEN}/day.csv").status_code == 200


def test_one_address_does_not_use_up_what_is_left_for_all(settings, metrics_settings):
    settings.METRICS_APP = settings.METRICS_APP | {"OPEN_DATA_PER_MINUTE": 3}
    refused = 0
    for _ in range(20):
        try:
            open_data.count_download("10.0.0.1")
        except TooMany:
            refused += 1
    assert refused >= 18
    open_data.count_download("10.0.0.2")


def test_hits_within_a_minute_share_one_reading(client, kpis, monkeypatch):
    client.get("/open-data/")
    monkeypatch.setattr(open_data, "read_facts", None)
    assert client.get("/open-data/").status_code == 200
    assert client.get("/open-data/catalog.json").status_code == 200


def test_it_says_that_redis_is_away(client, kpis, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"REDIS_URL": "redis://127.0.0.1:1/0"}
    for url in ("", "catalog.json", f"{OPEN}/day.csv"):
        response = client.get(f"/open-data/{url}")
        assert response.status_code == 503 and response["Retry-After"]
