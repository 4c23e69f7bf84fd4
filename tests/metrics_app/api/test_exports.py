"""The history of a KPI as a file."""

import csv
import io
import json

import pytest
from asgiref.sync import sync_to_async

from metrics_app import queries
from metrics_app.files import writers
from metrics_app.models import Kpi
from metrics_app.queries import exports
from metrics_app.queries.exports import list_columns
from metrics_app.services.archive import archive
from tests.metrics_app.histories import DAY, HOUR, MINUTE, Clockwork
from tests.metrics_app.points import publish

pytestmark = pytest.mark.django_db
TOPIC = "complaint.latency"


@pytest.fixture
def kpi(person):
    """A KPI with points over ten days, up to now."""
    clockwork = Clockwork()
    Kpi.objects.create(topic=TOPIC)
    publish(TOPIC, range(clockwork.now - 10 * DAY, clockwork.now, 7 * MINUTE), 3)
    clockwork.collect()
    archive()
    return clockwork


def get(client, query="", **wanted):
    return client.get(f"/api/v1/kpis/{TOPIC}/export/?{query}", **wanted)


def read(response):
    """The bytes of a streamed answer."""
    assert response.status_code == 200 and response.streaming
    return b"".join(response.streaming_content)


def read_csv(response):
    """The rows of a streamed CSV."""
    return list(csv.DictReader(io.StringIO(read(response).decode())))


def test_the_rows_of_every_hour_add_up_to_what_stats_say(client, kpi):
    response = get(client)
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert response["Content-Disposition"] == f'attachment; filename="{TOPIC}-hour.csv"'
    assert response["Cache-Control"] == "private, no-store"
    rows = read_csv(response)
    assert list(rows[0]) == list(list_columns()) and rows[0]["topic"] == TOPIC
    start, end = int(rows[0]["ts"]), int(rows[-1]["end"])
    assert end == kpi.now // HOUR * HOUR  # the hour that is under way is left out
    whole = queries.compare_span([TOPIC], start, end)[TOPIC]
    assert sum(int(row["count"]) for row in rows) == whole["count"]
    assert sum(float(row["sum"]) for row in rows) == whole["sum"] == 3 * whole["count"]
    assert rows[0]["local_start"].endswith(":00:00+00:00")


@pytest.mark.parametrize(
    "query", ["by=day&zone=Asia/Kolkata", "step=300", "by=week&zone=Europe/Berlin", "step=86400"]
)
def test_every_format_says_the_same(client, kpi, query, monkeypatch):
    monkeypatch.setattr(exports, "ROLLUPS", 50)  # many pieces, many row groups
    parquet = pytest.importorskip("pyarrow.parquet")
    query += f"&start={kpi.now - 3 * DAY}&end={kpi.now}"
    from_csv = read_csv(get(client, query))
    answers = {kind: get(client, f"{query}&format={kind}") for kind in ("jsonl", "parquet")}
    assert answers["jsonl"]["Content-Type"] == "application/x-ndjson"
    assert answers["parquet"]["Content-Type"] == "application/vnd.apache.parquet"
    lines = [json.loads(line) for line in read(answers["jsonl"]).splitlines()]
    table = parquet.read_table(io.BytesIO(read(answers["parquet"])))
    assert table.column_names == list(list_columns()) == list(lines[0])
    for name in list_columns():
        column = table[name].cast("int64") if name in ("ts", "end") else table[name]
        assert column.to_pylist() == [line[name] for line in lines]
        texts = ["" if line[name] is None else json.dumps(line[name]).strip('"') for line in lines]
        assert [row[name] for row in from_csv] == texts


def test_an_empty_bucket_counts_nothing_and_has_no_mean(client, kpi):
    rows = read_csv(get(client, f"by=day&start={kpi.now - 20 * DAY}&end={kpi.now - 15 * DAY}"))
    assert len(rows) == 6
    assert {(row["count"], row["sum"], row["mean"], row["p95"]) for row in rows} == {("0", "0.0", "", "")}


def test_a_kpi_without_points_is_a_file_without_rows(client, person):
    Kpi.objects.create(topic=TOPIC)
    assert read(get(client)).decode() == ",".join(list_columns()) + "\r\n"
    assert read(get(client, "format=jsonl")) == b""
    parquet = pytest.importorskip("pyarrow.parquet")
    assert parquet.read_table(io.BytesIO(read(get(client, "format=parquet")))).num_rows == 0


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("format=xlsx", "format"),
        ("format=", "format"),
        ("format=csv%0d%0aX-Header: 1", "format"),
        ("by=day&step=60", "step"),
        ("step=61", "step"),
        ("step=1", "step"),
        ("step=172800", "step"),
        ("step=abc", "step"),
        ("by=minute", "by"),
        ("zone=Mars", "zone"),
        ("zone=Mars&step=60", "zone"),
        ("start=-60&end=-120", "start"),
        ("start=2001-01-01T00:00Z&step=60", "step"),
        (f"end={'9' * 18}", "end"),
        (f"end={'9' * 18}&step=60", "end"),
        ("as=wished", "as"),
        ("window=60", "window"),
        ("limit=1", "limit"),
    ],
)
def test_it_names_the_parameter_that_is_wrong(client, kpi, query, field):
    response = get(client, query)
    assert (response.status_code, response["Content-Type"]) == (400, "application/json")
    assert response.json()["errors"][0]["field"] == field


def test_without_pyarrow_parquet_is_refused_with_the_extra_that_is_missing(client, kpi, monkeypatch):
    monkeypatch.setattr(writers, "parquet", None)
    response = get(client, "format=parquet")
    assert response.status_code == 400
    [error] = response.json()["errors"]
    assert error["field"] == "format" and "hms-gov-metrics[parquet]" in error["message"]


def test_redis_that_is_away_is_an_answer_and_no_broken_file(client, kpi, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"REDIS_URL": "redis://127.0.0.1:1/0"}
    assert get(client).status_code == 503


def test_a_question_for_the_head_reads_nothing(client, kpi, monkeypatch):
    monkeypatch.setattr("metrics_app.files.exports.read_rows", None)
    response = client.head(f"/api/v1/kpis/{TOPIC}/export/")
    assert response.status_code == 200 and response["Content-Disposition"]


@pytest.mark.django_db(transaction=True)
async def test_under_asgi_pieces_leave_one_by_one(async_client, monkeypatch, django_user_model):
    monkeypatch.setattr(exports, "ROLLUPS", 10)
    read_pieces = []
    real = exports.read_buckets
    monkeypatch.setattr(exports, "read_buckets", lambda *a, **k: read_pieces.append(1) or real(*a, **k))

    def prepare():
        clockwork = Clockwork()
        Kpi.objects.create(topic=TOPIC)
        publish(TOPIC, range(clockwork.now - 4 * DAY, clockwork.now, HOUR), 3)
        clockwork.collect()
        archive()
        return django_user_model.objects.create_user("ann")

    await async_client.aforce_login(await sync_to_async(prepare)())
    response = await async_client.get(f"/api/v1/kpis/{TOPIC}/export/")
    assert response.status_code == 200 and response.is_async
    before, pieces = len(read_pieces), []
    async for piece in response.streaming_content:
        pieces.append(piece)
        # Nobody reads ahead of the one who downloads.
        assert len(read_pieces) <= before + len(pieces)
    assert len(pieces) >= 10
    assert len(b"".join(pieces).splitlines()) >= 4 * 24
