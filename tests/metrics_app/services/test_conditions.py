"""Every door says the same of a KPI, whatever combination of states it is in."""

import itertools
import re
import time
from pathlib import Path

import numpy as np
import pytest
from django.contrib.auth.models import User
from django.template import Context, Template
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

import metrics_app
from metrics_app import queries
from metrics_app.bus import publish
from metrics_app.collector import collect_all
from metrics_app.connection import get_redis, key
from metrics_app.core.conditions import ORDER, is_late, judge_kpi, judge_rule
from metrics_app.core.notices import FLAPPING
from metrics_app.core.slots import NEVER
from metrics_app.core.text.words import tell_overview
from metrics_app.models import Breach, Kpi, Notice, Receiver, Threshold, ThresholdState
from metrics_app.pages.tiles import list_tiles
from metrics_app.queries.worked import EVALUATOR, name_hash
from metrics_app.registry import forget
from metrics_app.services.conditions import read_conditions
from metrics_app.services.keys import create_key
from metrics_app.services.notices.write import write_resting
from metrics_app.services.watch.states import find_end_of_judgement
from pipelines_app.models import Pipeline
from pipelines_app.services.propose import propose
from tests.metrics_app.watching import HOUR, RULE

pytestmark = pytest.mark.django_db
ROOT = Path(metrics_app.__file__).parent.parent
# What the state row of a rule can hold: state, data, an open data breach or none, ever judged or not.
ROWS = [
    *itertools.product(
        ("ok", "pending", "firing", "recovering"),
        ("fresh", "thin", "empty", "error"),
        (False, True),
        (True,),
    ),
    ("ok", "fresh", False, False),
    # Judged once, and not since: the evaluator is away.
    ("ok", "fresh", False, True, True),
    ("firing", "empty", False, True, True),
]
PAIRS = list(itertools.combinations([*ROWS[::5], ROWS[-1]], 2))
DEAD_MEN = [None, ("ok", "fresh", False, True), ("ok", "empty", True, True)]
CASES = [
    *itertools.product([(), *((row,) for row in ROWS)], DEAD_MEN, (False, True)),
    *itertools.product(PAIRS, [None], (False, True)),
]


def make_rule(kpi, row, **fields):
    """A threshold with a state row, as the evaluator would have written it."""
    state, data, breach, judged, *lag = row
    rule = Threshold.objects.create(kpi=kpi, **(RULE | fields))
    kept = {"state": state, "data": data, "data_breach": breach, "slot_class": "clear" if judged else ""}
    ThresholdState.objects.create(threshold=rule, last_slot=1, due_at=len(lag), **kept)


def judge_row(row):
    state, data, breach, judged, *lag = row
    since = 1 if lag else None
    return judge_rule(state, data, data_breach=breach, is_judged=judged, unjudged_since=since)


@pytest.fixture
def expected(monkeypatch):
    """A KPI for each of CASES, and ``{topic: Condition}`` as it must be, however long asking all takes."""
    for bound in ("BEHIND_AFTER", "GRACE"):
        monkeypatch.setattr(queries.clock, bound, HOUR * 1000)
    found, points = {}, {}
    now = np.array([time.time_ns() // 1_000_000 - 1000], "int64")
    for number, (rows, dead_man, is_empty) in enumerate(CASES):
        kpi = Kpi.objects.create(topic=f"t{number}", unit="seconds", expected_interval=60)
        for row in rows:
            make_rule(kpi, row)
        if dead_man:
            make_rule(kpi, dead_man, kind="silence")
        if not is_empty:
            points[kpi.topic] = (now, np.array([HOUR], "float64"))
        watch = dead_man and judge_row(dead_man)
        one = judge_kpi([judge_row(row) for row in rows], dead_man=watch, is_empty=is_empty)
        # What came now no slot has seen yet.
        awaits = one.is_silent and not (is_empty or is_late(watch))
        found[kpi.topic] = one._replace(awaits_judgement=awaits)
    publish(points)
    collect_all()
    forget()
    return found


@pytest.fixture
def read_key(db):
    """The headers of a program that reads."""
    return {"Authorization": f"Bearer {create_key(name='a program', scopes=['read'])[1]}"}


def ask_tiles():
    """What each tile shows: its classes, shape and rank."""
    return {
        tile["topic"]: (tile["css"], tile["shape"], tile["rank"]) for tile in list_tiles(Kpi.objects.all())
    }


def ask_overview(client, **params):
    """The topics an address of the overview shows, over all its pages, and its first sentence."""
    context = client.get("/", params).context
    return [kpi.topic for kpi in context["pages"].paginator.object_list], context["headline"]


def ask_api(client, headers):
    """``{topic: (condition, no_data)}`` of the API."""
    rows = client.get("/api/v1/kpis/?limit=1000", headers=headers).json()["results"]
    return {row["topic"]: (row["condition"], row["no_data"]) for row in rows}


def ask_exposition(client, headers):
    """``{topic: names}`` that a scrape marks with 1."""
    text, found = client.get("/metrics", headers=headers).content.decode(), {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples if family.name == "hms_kpi_condition" else ():
            if sample.value:
                found.setdefault(sample.labels["topic"], set()).add(sample.labels["condition"])
    return found


def ask_tag(topic):
    """What the template tag writes."""
    return Template("{% load metrics_live %}{% live_spark topic %}").render(Context({"topic": topic}))


def test_all_doors_say_the_same_of_every_combination(client, expected, read_key):
    client.force_login(User.objects.create_user("ann"))
    assert {topic: one.condition for topic, one in read_conditions(Kpi.objects.all()).items()} == expected
    assert ask_tiles() == {topic: (one.css, one.shape, one.rank) for topic, one in expected.items()}
    assert ask_api(client, read_key) == {topic: (one.name, one.is_silent) for topic, one in expected.items()}
    assert ask_exposition(client, read_key) == {topic: set(one.names) for topic, one in expected.items()}
    for name in ORDER:
        shown, headline = ask_overview(client, state=name)
        assert set(shown) == {topic for topic, one in expected.items() if name in one.names}
        assert headline == tell_overview(list(expected.values()), "1 Jan 1970 00:00 UTC")


def test_the_wall_and_the_overview_have_one_order(client, expected):
    client.force_login(User.objects.create_user("ann"))
    wall, _ = ask_overview(client, wall=1)
    ranks = [expected[topic].rank for topic in wall]
    assert len(wall) == len(expected) and ranks == sorted(ranks)
    beyond = [expected[topic].rank == 0 for topic in ask_overview(client)[0]]
    assert beyond == sorted(beyond, reverse=True)


def test_the_tag_writes_the_condition_of_the_tile(expected):
    # One of each: a page has a few such lines, never hundreds.
    for topic, one in {one.css: (topic, one) for topic, one in expected.items()}.values():
        assert f'condition="{one.css}"' in ask_tag(topic)


def test_the_tag_stands_while_redis_is_away_and_says_no_condition(expected, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"REDIS_URL": "redis://127.0.0.1:1/0"}
    html = ask_tag("t6")
    assert "condition=" not in html and f'limit="{RULE["limit"]:.1f}"' in html


def ask_lights(client, headers, rule, topic):
    """``{door: text}`` of everything that shows a light, without the choices of filters."""
    paths = ["/", "/?wall=1", "/tiles/", f"/kpis/{topic}/", f"/kpis/{topic}/live/"]
    paths += ["/admin/metrics_app/threshold/", f"/admin/metrics_app/threshold/{rule.pk}/change/"]
    paths += [f"/thresholds/{rule.pk}/explain/", f"/api/v1/thresholds/{rule.pk}/explain/"]
    proposal = Pipeline.objects.get().pk
    paths += ["/inbox/", f"/inbox/{proposal}/", f"/inbox/{proposal}/since/"]
    found = {path: client.get(path).content.decode() for path in paths}
    for path in ("/api/v1/kpis/", "/api/v1/thresholds/", "/metrics"):
        found[path] = client.get(path, headers=headers).content.decode()
    found["tag"] = ask_tag(topic)
    found["notice"] = tell_calm(rule)
    return {door: re.sub(r"<(option|li|a)\b[^>]*>[^<]*</\1>", "", text) for door, text in found.items()}


def tell_calm(rule):
    """The notice that a threshold no longer flaps, as it would be written now."""
    receiver, _ = Receiver.objects.get_or_create(name="Duty", defaults={"addresses": ["duty@example.org"]})
    breach = Breach.objects.create(
        threshold=rule, kind="limit", version=1, severity="warning", since=1, fired_at=1, recovered_at=2
    )
    moment = timezone.now()
    told = {"receiver": receiver, "breach": breach, "try_after": moment}
    Notice.objects.create(event=FLAPPING, at=1, outcome="sent", done_at=moment, **told)
    write_resting(moment)
    return Notice.objects.exclude(event=FLAPPING).get(breach=breach).text


# What a light may say only while somebody judges: words, an answer of the API, a sample, a class.
FINE = re.compile(
    r"●|(?<!was )[Ww]ithin limit|within (its|their|today.*s) limit|"
    r'"condition":"ok"|(state|condition)="ok"[^}]*} 1|'
    r'condition="ok"[ >]'
)


@pytest.mark.parametrize("cause", ["evaluator", "beat", "collector"])
def test_no_light_is_green_while_nobody_judges(client, read_key, cause, monkeypatch):
    client.force_login(User.objects.create_superuser("root"))
    kpi = Kpi.objects.create(topic="t", name="T", unit="seconds")
    now = time.time_ns() // 1_000_000
    publish({"t": (np.array([now - 1000], "int64"), np.array([HOUR], "float64"))})
    collect_all()
    forget()
    rule = Threshold.objects.create(kpi=kpi, **RULE)
    kept = {"state": "ok", "data": "fresh", "data_since": 1, "slot_class": "clear", "value": HOUR, "n": 1}
    row = ThresholdState.objects.create(threshold=rule, last_slot=now - 60_000, due_at=now + 600_000, **kept)
    propose(title="Hire", suggestion="Two agents", topic="t", proposer=User.objects.create_user("bea"))
    with monkeypatch.context() as patient:
        # However long asking all of them takes.
        for bound in ("BEHIND_AFTER", "GRACE"):
            patient.setattr(queries.clock, bound, 600_000)
        fine = ask_lights(client, read_key, rule, "t")
    # These tell of a state as of a moment: a judgement has an age there, whoever judges.
    # Explain names the slot that it is about, and says below that nothing newer is judged.
    dated = {door for door in fine if "explain" in door}
    aged = {"/api/v1/thresholds/"}
    assert {door for door, text in fine.items() if not FINE.search(text)} - dated == aged
    if cause == "evaluator":
        ThresholdState.objects.filter(pk=row.pk).update(due_at=now - 11_000)
    elif cause == "beat":
        # Its next slot is due in ten minutes: that nobody would judge it is known by the evaluator's age.
        get_redis().hset(name_hash(), EVALUATOR, now - 11_000)
    else:
        for shard in queries.collected_through():
            get_redis().hset(key(shard, "meta"), "through", now - 11_000)
    dark = ask_lights(client, read_key, rule, "t")
    assert [door for door, text in dark.items() if door not in dated and FINE.search(text)] == []
    told = re.compile(
        r"ot (been )?judged since|unjudged|\"unjudged_since\":\d|Nothing newer is judged: the \w+ is"
    )
    assert [door for door, text in dark.items() if not told.search(text)] == []


# Who looks at the rows of states without asking for a condition, and why that shows nobody a light.
EXEMPT = {
    "metrics_app/core/watch.py": "names the row in a comment",
    "metrics_app/pages/footers.py": "writes what stands beside a condition that it is given",
    "metrics_app/services/notices/judge.py": "asks whether a threshold flaps, which is told in place of it",
    "metrics_app/services/notices/owed.py": "asks whether a threshold flaps, which is told in place of it",
    "metrics_app/services/rules/many.py": "writes the rows of rules that are new",
    "metrics_app/services/rules/thresholds.py": "writes the row of a rule that is saved",
    "metrics_app/streams/snapshots.py": "tells when a state was judged, and when it is due, beside it",
    "metrics_app/streams/states.py": "tells of each state when it was judged",
}


def test_whoever_reads_a_state_asks_for_the_condition():
    asks = re.compile(
        r"\b(judge_row|judge_threshold|read_conditions|services\.watch\.states import.*read_states)\b"
    )
    reads = re.compile(r"\b(state_row|ThresholdState)\b")
    rooms = ("models", "migrations", "watch")  # what a state is, and who judges
    found = {}
    for app in ("metrics_app", "pipelines_app", "hms_gov"):
        for path in (ROOT / app).rglob("*.py"):
            text = path.read_text()
            if reads.search(text) and not asks.search(text) and not set(rooms) & set(path.parts):
                found[str(path.relative_to(ROOT))] = text
    assert found.keys() == EXEMPT.keys()
    assert all("judged_at" in text for path, text in found.items() if "/streams/" in path)


def test_a_rule_without_a_next_slot_is_not_overdue():
    due = (0, NEVER, 60_000)
    rules = [Threshold(state_row=ThresholdState(slot_class="clear", due_at=at)) for at in due]
    assert find_end_of_judgement(rules[:2]) is None
    assert find_end_of_judgement(rules) == 70_000
