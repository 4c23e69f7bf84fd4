"""Each part says that it works, also where there is nothing to do; and how old that is."""

import pytest
from django.test import Client

from metrics_app import queries
from metrics_app.collector import collect_all
from metrics_app.connection import get_redis
from metrics_app.core.text.units import format_duration
from metrics_app.models import ThresholdState
from metrics_app.queries.worked import name_hash, read_ages
from metrics_app.schedule import SCHEDULE
from metrics_app.services.ages import BOUNDS, note_work
from metrics_app.services.archive import archive
from metrics_app.services.notices import send_notices
from metrics_app.services.watch import evaluate as evaluator
from metrics_app.services.watch.evaluate import evaluate
from metrics_app.services.watch.states import find_laggard, read_states
from pipelines_app.services import run_errands
from tests.metrics_app.watching import HOUR, make_threshold, send


@pytest.mark.django_db
def test_each_part_says_that_it_works_though_there_is_nothing_to_do():
    get_redis().delete(name_hash())
    assert read_ages() == {}
    for number, work in enumerate([evaluate, archive, send_notices, run_errands], 1):
        work()
        assert len(read_ages()) == number
    ages = read_ages()
    assert ages.keys() == {*BOUNDS, "errands"} and all(0 <= age < 60 for age in ages.values())


def test_a_bound_leaves_room_for_many_rounds():
    tasks = {"evaluator": "watch", "archiver": "archive_history", "notices": "send_notices"}
    every = {entry["task"].rpartition(".")[2]: entry["schedule"] for entry in SCHEDULE.values()}
    for part, bound in BOUNDS.items():
        assert bound.seconds >= 30 * every[tasks[part]], format_duration(bound.seconds)


def test_that_nobody_can_be_told_keeps_nobody_from_work(settings):
    settings.METRICS_APP = settings.METRICS_APP | {"REDIS_URL": "redis://127.0.0.1:1/0"}
    note_work("notices")


def test_points_are_taken_while_the_database_is_away_and_balancers_are_told_so(settings):
    """Without a mark of this test any question to the database fails."""
    response = Client().get("/readyz/emit")
    assert response.status_code == 200 and list(response.json()["parts"]) == ["redis"]
    settings.METRICS_APP = settings.METRICS_APP | {"REDIS_URL": "redis://127.0.0.1:1/0"}
    response = Client().get("/readyz/emit")
    assert response.status_code == 503
    assert response.json()["parts"] == {"redis": {"ok": False, "message": "does not answer"}}


@pytest.mark.django_db
@pytest.mark.parametrize("age", [11_000, None])
def test_a_threshold_of_a_long_interval_is_behind_once_nobody_judges(age):
    now = queries.redis_now()
    rule = make_threshold(now=now - 60_000, interval=3600)
    send((now - 90_000, HOUR))
    evaluate(now=now)
    view = read_states([rule])[rule.pk]
    assert (view.state, view.data, view.condition.name) == ("ok", "fresh", "ok")
    if age is None:
        # As after a loss of all that Redis held: nobody says that he works.
        get_redis().hdel(name_hash(), "evaluator")
    else:
        get_redis().hset(name_hash(), "evaluator", now - age)
    view = read_states([rule])[rule.pk]
    assert (view.state, view.data, view.condition.name) == ("ok", "behind", "unjudged")
    last = ThresholdState.objects.get(threshold=rule).last_slot
    assert view.condition.unjudged_since == view.data_since == (last if age is None else now - age)
    assert find_laggard(rule, view) == "evaluator"


@pytest.mark.django_db
def test_a_threshold_that_cannot_be_judged_leaves_the_others_judged(monkeypatch, caplog, base):
    rules = [make_threshold(f"t{at}", now=base) for at in range(5)]
    broken, step = rules[3].pk, evaluator.walk_slots

    def walk(due, observations):
        if due.id == broken:
            raise ZeroDivisionError("of the rule")
        return step(due, observations)

    monkeypatch.setattr(evaluator, "walk_slots", walk)
    collect_all()
    for _ in range(3):
        evaluate(now=base + 60_001)
    judged = dict(ThresholdState.objects.values_list("threshold_id", "last_slot"))
    assert {pk for pk, slot in judged.items() if slot == base + 60_000} == {rule.pk for rule in rules} - {
        broken
    }
    [line] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert line.getMessage() == f"Threshold {broken} cannot be judged, all others are"
    assert line.exc_info[0] is ZeroDivisionError
