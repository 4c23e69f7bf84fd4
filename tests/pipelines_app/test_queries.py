"""Who sees what, the order of the inbox, and what came of like proposals."""

from datetime import timedelta

import pytest
from django.utils import timezone

from pipelines_app import queries
from pipelines_app.models import Pipeline
from pipelines_app.services import approve, expire, propose, reject

pytestmark = pytest.mark.django_db
LIMIT = {"limit": 100.0, "operator": "gt", "aggregate": "mean", "window": 1800}


class Away:
    """A project whose measurements are away."""

    def measure(self, *args, **wanted):
        raise OSError("away")

    freeze = measure


def test_what_cannot_be_measured_says_so_and_is_no_error(settings, caplog):
    settings.PIPELINES_APP = {"MEASUREMENTS": ""}
    assert queries.measure("er.wait", LIMIT, NOW) is None
    settings.PIPELINES_APP = {"MEASUREMENTS": f"{__name__}.AWAY"}
    unread = {"value": None, "fault": "its figures cannot be read at the moment", "unread": True}
    assert queries.measure("er.wait", LIMIT, NOW) == unread
    assert queries.measure_for_evidence("er.wait", NOW) == {}
    assert "could not measure" in caplog.text and "away" in caplog.text


def test_a_proposal_without_a_topic_asks_nobody(settings, caplog):
    settings.PIPELINES_APP = {"MEASUREMENTS": f"{__name__}.AWAY"}
    assert queries.measure("", None, NOW) is None and queries.measure_for_evidence("", NOW) == {}
    assert caplog.text == ""


AWAY, NOW = Away(), timezone.now()


def test_it_shows_restricted_ones_to_members_and_superusers(group, member, outsider, admin_user, pipeline):
    secret = propose(title="Secret", suggestion="x", restricted_to=group)[0]
    assert set(queries.visible_to(outsider)) == {pipeline}
    assert set(queries.visible_to(member)) == set(queries.visible_to(admin_user)) == {pipeline, secret}
    assert set(queries.visible_to_groups([group.pk])) == {pipeline, secret}


def test_it_lets_an_older_proposal_overtake_a_larger_overrun(pipeline):
    start = pipeline.created_at
    old = propose(title="Old", suggestion="x", kpi=120, evidence=LIMIT, now=start - timedelta(hours=5))[0]
    big = propose(title="Big", suggestion="x", kpi=180, evidence=LIMIT, now=start - timedelta(hours=1))[0]
    inbox = queries.list_inbox(Pipeline.objects.all(), now=start)
    assert inbox == [old, big, pipeline]
    later = queries.list_inbox(Pipeline.objects.all(), now=start + timedelta(hours=3))
    assert later == [big, old, pipeline]


def test_it_leaves_decided_ones_out_of_the_inbox(pipeline, approver):
    approve(pipeline=pipeline, by=approver, version=1)
    assert queries.list_inbox(Pipeline.objects.all()) == []


def test_it_reads_the_inbox_with_three_queries_however_much_waits(pipeline, django_assert_num_queries):
    propose(title="Other", suggestion="x")
    with django_assert_num_queries(3):
        assert len(queries.list_inbox(Pipeline.objects.all())) == 2


def test_it_counts_what_became_of_like_proposals(approver):
    def again():
        return propose(title="T", suggestion="x", topic="er.wait")[0]

    done = approve(pipeline=again(), by=approver, version=1)
    Pipeline.objects.filter(pk=done.pk).update(state="done")
    reject(pipeline=again(), by=approver, version=1, comment="no")
    lapsed = again()
    expire(now=lapsed.due_at)
    measured = again()
    Pipeline.objects.filter(pk=measured.pk).update(state="harmful")
    present = again()
    propose(title="T", suggestion="x", topic="er.other")
    counts = queries.count_like(present, among=Pipeline.objects.all())
    assert {name: count for name, count in counts.items() if count} == {
        "approved": 2,
        "rejected": 1,
        "expired": 1,
        "harmful": 1,
        "total": 4,
    }
    assert list(queries.list_like(present, among=Pipeline.objects.all()))[0] == measured


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ([], {"a", "a.b", "c.d", ""}),
        (["*"], {"a", "a.b", "c.d", ""}),
        (["a.*"], {"a.b"}),
        (["a", "c.*"], {"a", "c.d"}),
    ],
)
def test_it_limits_proposals_to_the_topics_of_a_key(patterns, expected):
    for topic in ("a", "a.b", "c.d", ""):
        propose(title="T", suggestion="x", topic=topic)
    limited = queries.limit_to_topics(Pipeline.objects.all(), patterns)
    assert set(limited.values_list("topic", flat=True)) == expected
    assert all(
        queries.is_listed(topic, patterns or ["*"]) == (topic in expected) for topic in ("a", "a.b", "c.d")
    )
