import numpy as np
import pytest

from metrics_app import queries
from metrics_app.exceptions import BadInput, Conflict
from metrics_app.models import MinuteRollup
from metrics_app.services.archive import archive
from metrics_app.services.corrections import restore, void
from tests.metrics_app.histories import HOUR, MINUTE, Clockwork, check
from tests.metrics_app.points import publish

pytestmark = pytest.mark.django_db


@pytest.fixture
def ann(django_user_model):
    return django_user_model.objects.create_user("ann")


@pytest.fixture
def clockwork():
    """A mistake of 1e12 twenty minutes ago, among 200 honest points of the last hour."""
    found = Clockwork()
    publish("er.wait", found.now - np.arange(200) * 15_000, 10.0)
    publish("er.wait", found.now - 20 * MINUTE, 1e12)
    found.collect()
    return found


def mistake(clockwork, **options):
    start = clockwork.now - 20 * MINUTE
    return {"topic": "er.wait", "start": start, "end": start + 1, "reason": "a test value"} | options


def ask(clockwork, **options):
    return queries.span(
        "er.wait", clockwork.now - 3 * HOUR, clockwork.now + MINUTE, percentiles=True, **options
    )


@pytest.mark.parametrize("archived", [False, True])
@pytest.mark.parametrize("later", [0, 3 * HOUR])
def test_a_voided_span_counts_nowhere_and_counts_again_once_restored(clockwork, ann, later, archived):
    clockwork.seal(clockwork.now + later)
    if archived:
        archive()
    whole = ask(clockwork)
    row = void(**mistake(clockwork), by=ann)
    found = ask(clockwork)
    assert found.max == 10 and found.count < whole.count
    assert ask(clockwork, view="published").max == 1e12
    columns = queries.series("er.wait", clockwork.now - 3 * HOUR, clockwork.now, MINUTE)
    assert 1e12 not in columns["max"] and sum(columns["revised"]) == 1
    restore(correction=row, reason="it was real", by=ann)
    check(ask(clockwork), np.append(np.full(whole.count - 1, 10.0), 1e12))


def test_thresholds_judge_without_what_is_voided(clockwork, ann):
    request = ("er.wait", clockwork.now - 40 * MINUTE, clockwork.now, "mean")
    assert queries.observe([request])[0].value > 1e9
    void(**mistake(clockwork), by=ann)
    assert queries.observe([request])[0].value == 10


def test_the_record_itself_stays(clockwork, ann):
    archive()
    before = list(MinuteRollup.objects.values_list("start", "count", "max"))
    void(**mistake(clockwork), by=ann)
    archive()
    assert list(MinuteRollup.objects.values_list("start", "count", "max")) == before


def test_it_remembers_who_why_and_when_in_whole_minutes(clockwork, ann):
    row = void(**mistake(clockwork), by=ann)
    assert (row.author, row.reason, row.end - row.start) == (ann, "a test value", MINUTE)
    restore(correction=row, reason="it was real", by=ann)
    row.refresh_from_db()
    assert (row.restored_by, row.restore_reason) == (ann, "it was real") and row.restored_at
    with pytest.raises(Conflict, match="ann has restored"):
        restore(correction=row, reason="again", by=ann)


@pytest.mark.parametrize(
    ("wrong", "field", "said"),
    [
        ({"reason": " "}, "reason", "needs a reason"),
        ({"end": 0}, "end", "no span"),
        ({"topic": "No Topic"}, "topic", "not a topic"),
        ({"topic": "er.wiat"}, "topic", "has no points"),
        ({"start": 1_000_000_000_000}, "start", "at most ten years"),
    ],
)
def test_it_names_what_is_wrong(clockwork, ann, wrong, field, said):
    with pytest.raises(BadInput, match=said) as caught:
        void(**mistake(clockwork, **wrong), by=ann)
    assert caught.value.errors[0]["field"] == field


def test_it_never_reaches_into_the_future(clockwork, ann):
    now = clockwork.now
    with pytest.raises(BadInput, match="in the future"):
        void(**mistake(clockwork, end=now + 2 * MINUTE), by=ann, now=now)
    assert void(**mistake(clockwork, end=now), by=ann, now=now).end <= now + MINUTE


def test_it_says_how_many_points_it_takes_out(clockwork, ann):
    start = (clockwork.now - 20 * MINUTE) // MINUTE * MINUTE
    span = {"start": start, "end": start + 10 * MINUTE}
    before = ask(clockwork).count
    row = void(**mistake(clockwork, **span), by=ann)
    assert row.points == before - ask(clockwork).count > 0
    assert void(**mistake(clockwork, **span), by=ann).points == 0
