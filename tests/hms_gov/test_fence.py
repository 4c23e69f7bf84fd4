"""A SQLite that was moved away says so wherever somebody meets it."""

import io

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from hms_gov import moving
from hms_gov.moving import fence
from metrics_app.models import Kpi
from tests.metrics_app.watching import let_all_work

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif("connection.vendor == 'postgresql'", reason="only a SQLite is moved away"),
]
SENTENCE = f"The database takes no writes: {fence.REASON}."


@pytest.fixture
def closed():
    """The database after a move."""
    let_all_work()
    User.objects.create_superuser("root")
    Kpi.objects.create(topic="er.wait")
    with transaction.atomic():
        fence.close(connection)
    yield
    moving.reopen(connection)


def test_readiness_says_that_everything_was_moved(client, closed):
    response = client.get("/readyz")
    assert response.status_code == 503
    assert response.json()["parts"]["database"] == {"ok": False, "message": SENTENCE}
    moving.reopen(connection)
    assert client.get("/readyz").status_code == 200


def test_the_api_says_it_to_who_writes(client, closed):
    moving.reopen(connection)
    client.force_login(User.objects.get(username="root"))
    with transaction.atomic():
        fence.close(connection)
    note = {"topic": "er.wait", "at": 1_700_000_000_000, "text": "lost?"}
    response = client.post("/api/v1/notes/", note, content_type="application/json")
    assert response.status_code == 503, response.content
    assert response.json()["errors"][0]["message"] == SENTENCE


def test_an_import_says_it_in_one_line(closed, tmp_path):
    path = tmp_path / "points.csv"
    path.write_text("topic,ts,value\ner.wait,1700000000000,1\n")
    with pytest.raises(CommandError, match="moved to PostgreSQL; set DATABASE_URL and start again"):
        call_command(
            "import_points", str(path), "--id-column", "", stdout=io.StringIO(), stderr=io.StringIO()
        )
