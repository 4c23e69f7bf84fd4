"""Pages of many proposals: they ask the database as often for twelve as for two."""

import re
import time
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from hms_gov.joins.watch import describe_watches
from metrics_app.registry import forget
from metrics_app.services.watch.announce import announce
from metrics_app.services.watch.evaluate import evaluate
from pipelines_app.models import Pipeline, Policy
from pipelines_app.services import approve, delegate, propose, reject
from pipelines_app.services.records import save_record
from tests.metrics_app.watching import HOUR, make_threshold, send

pytestmark = pytest.mark.django_db
MINUTE = 60_000
# What metrics_app reads of a KPI's past is its own, KPI by KPI, and what it keeps in the process for
# a second and a half may have to be read again within a page, or not.
OWN = re.compile(r'FROM "metrics_app_(?!threshold|silence)')
PAGES = ("/inbox/", "/inbox/waiting/", "/inbox/decided/", "/api/v1/pipelines/?state=awaiting_approval")


@pytest.fixture
def people():
    """Ada, who may decide, and borrows the seat of Bob, whose group decides with Cyd."""
    office, decide = Group.objects.create(name="Office"), Permission.objects.get(codename="decide_pipeline")
    ada, bob, cyd = (User.objects.create_user(name) for name in ("ada", "bob", "cyd"))
    for person in (ada, bob, cyd):
        person.user_permissions.add(decide)
    office.user_set.add(bob, cyd)
    policy = Policy(name="Complaints", topics="complaint.*", quorum=2, deciders=office)
    save_record(policy, by=User.objects.create_superuser("root"))
    now = timezone.now()
    delegate(by=bob, to=ada, starts_at=now - timedelta(days=1), ends_at=now + timedelta(days=1))
    return ada, User.objects.get(username="cyd")


def open_breaches(numbers, cyd):
    """A breach of a KPI of its own for each number, whose like was rejected before; one vote is in."""
    base = int(time.time() // 60 - 40) * MINUTE
    for number in numbers:
        topic, title = f"complaint.kind{number}", f"Breach {number}"
        make_threshold(topic, now=base, title=title)
        before = propose(title=title, suggestion="Wait", topic=topic)[0]
        reject(pipeline=before, by=cyd, version=1, comment="not now")
        send((base + 1000, 50 * HOUR), (base + 31_000, 58 * HOUR), topic=topic)
    evaluate(now=base + MINUTE + 1)
    announce()
    for pipeline in Pipeline.objects.filter(title__in=[f"Breach {number}" for number in numbers], quorum=2):
        if pipeline.is_open:
            approve(pipeline=pipeline, by=cyd, version=1)


def count_queries(client, path):
    """The queries of a page, once the process has seen it before."""
    client.get(path)
    with CaptureQueriesContext(connection) as found:
        answer = client.get(path)
    assert answer.status_code == 200
    return count_asked(found)


def count_asked(found):
    """How many of the captured queries are not a KPI's own."""
    return sum(not OWN.search(query["sql"]) for query in found)


def test_twelve_proposals_cost_as_many_queries_as_two(people, client):
    ada, cyd = people
    client.force_login(ada)
    open_breaches(range(2), cyd)
    few = {path: count_queries(client, path) for path in PAGES}
    text = client.get("/inbox/").content.decode()
    assert text.count("1 is in") == text.count("not now") == 2, "a quorum, and a rejection before"
    assert "for bob" in text, "a lent seat"
    open_breaches(range(2, 12), cyd)
    many = {path: count_queries(client, path) for path in PAGES}
    assert many == few


def test_many_kpis_are_described_with_two_queries():
    now = int(time.time() * 1000)
    for number in range(3):
        make_threshold(f"er.wait{number}", now=now, title=f"Wait {number}")
    forget()
    with CaptureQueriesContext(connection) as found:
        told = describe_watches(["er.wait0", "er.wait2", "er.unknown"])
    assert count_asked(found) == 2
    assert {topic: len(watch["rules"]) for topic, watch in told.items()} == {"er.wait0": 1, "er.wait2": 1}
