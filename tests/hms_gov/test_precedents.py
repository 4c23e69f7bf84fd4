"""What the demo's people did before it began is measured from its points, and the chain tells all of it."""

from datetime import timedelta

import numpy as np
import pytest
from django.test import Client

from hms_gov.past import CHANGES, DAYS, find_begin, live_cases
from hms_gov.precedents import PRECEDENTS
from hms_gov.seed import LIMIT, seed, seed_past
from metrics_app.core.durations import DAY_MS, DAY_S, HOUR_MS, HOUR_S, MINUTE_S
from metrics_app.services import imports
from pipelines_app.core.effect import judge, make_plan
from pipelines_app.core.hours import gather
from pipelines_app.core.moments import to_ms
from pipelines_app.models import Errand, Pipeline
from pipelines_app.services.verify import verify_audit

WEEK_S = 7 * DAY_S
VERDICTS = {"nothing": "ineffective", "helped": "effective", "harmed": "harmful"}


def judge_changes(end):
    """``{change: verdict}`` by the answers of a past that ends at ``end``, without a database."""
    created, answered = live_cases(end)
    done = (answered >= end - DAYS * DAY_S) & (answered < end)
    hours = (answered[done] // HOUR_S).astype(int)
    first = hours.min()
    sums, counts = np.bincount(hours - first, (answered - created)[done]), np.bincount(hours - first)
    starts, found, earlier = (first + np.arange(len(sums))) * HOUR_MS, {}, []
    for name, change in CHANGES.items():
        started = find_begin(change, end) // DAY_S * DAY_MS
        fired, until = started - 4 * DAY_MS, started + 8 * DAY_MS
        mine = starts < until
        columns = (starts[mine], sums[mine], counts[mine])
        history = gather(*columns, start=int(starts[0]), end=until)
        plan = make_plan(history, fired, zone="UTC", actions=earlier)
        found[name] = judge(history, plan, started, actions=earlier).verdict
        earlier.append(started)
    return found


@pytest.mark.parametrize(
    "count", [pytest.param(3, id="short"), pytest.param(200, id="full", marks=pytest.mark.long)]
)
def test_whenever_a_demo_begins_its_three_changes_are_what_they_are_called(count):
    wrong = 0
    for minute in np.random.default_rng(count).integers(0, 400 * DAY_S // MINUTE_S, count).tolist():
        wrong += judge_changes(1_795_887_600 + minute * MINUTE_S) != VERDICTS
    # One beginning in a hundred draws a week on the edge of a verdict; no verdict is written down.
    assert wrong <= 0.03 * count


@pytest.fixture
def seeded(settings, tmp_path, monkeypatch, transactional_db):
    """The proposals of a past that ended on the last Saturday at 17:40, oldest first.

    What the simulation draws depends on the hour of the week at which it ends, and on nothing else.
    """
    now = imports.find_hot() // 1000
    end = (now - 17 * HOUR_S - 40 * MINUTE_S - 2 * DAY_S) // WEEK_S * WEEK_S + 2 * DAY_S + 17 * HOUR_S
    monkeypatch.setattr(imports, "find_hot", lambda: (end + 40 * MINUTE_S) * 1000)
    settings.METRICS_APP = {**settings.METRICS_APP, "MINUTES_DAYS": 2}
    facts = seed()
    assert seed_past(tmp_path / "waiting.json") > 0
    return facts, list(Pipeline.objects.order_by("pk"))


def test_three_proposals_were_decided_done_and_judged_in_the_past(seeded, django_user_model):
    facts, proposals = seeded
    assert [row.state for row in proposals] == [VERDICTS[one.change] for one in PRECEDENTS]
    # What the rule of the demo proposes is what was proposed then.
    assert {(row.title, row.suggestion) for row in proposals} == {(LIMIT["title"], LIMIT["suggestion"])}
    for row in proposals:
        check_story(row)
        check_evidence(row)
    assert [len(row.effect.document["confounders"]["notes"]) for row in proposals] == [0, 0, 1]
    assert not Errand.objects.filter(done_at=None).exists()
    # Nobody is mailed today about what was decided then.
    assert not Errand.objects.filter(kind="mail", outcome__startswith="sent").exists()
    assert verify_audit().faults == []
    check_pages(django_user_model.objects.get(username="approver"), proposals)


def check_story(row):
    """Decided within hours on a working day, done on the Monday after, judged when its week was over."""
    events = {entry.event: entry for entry in row.moves.all()}
    assert list(events) == ["proposed", "approved", "handed over", "done", "measuring", "judged"]
    assert [entry.at for entry in events.values()] == sorted(entry.at for entry in events.values())
    assert events["approved"].at - row.created_at < timedelta(hours=2)
    assert (row.created_at.weekday(), row.carried_out_at.weekday()) == (3, 0)
    assert events["judged"].at - row.carried_out_at == timedelta(days=8, minutes=15, seconds=1)
    assert (events["proposed"].actor, events["approved"].actor) == ("admin", "approver")
    assert events["approved"].data["comment"] and events["done"].data["comment"]


def check_evidence(row):
    """What was frozen is what the last day's answers say, and nothing of it is younger than the proposal."""
    evidence, opened = row.evidence, to_ms(row.created_at)
    assert evidence["measured_to"] == opened
    assert max(evidence["minutes"]["ts"]) < opened == evidence["quantity"]["curve"]["ts"][-1]
    end = find_end(row)
    created, answered = live_cases(end)
    mine = (answered * 1000 >= opened - DAY_MS) & (answered * 1000 < opened)
    waited = (answered - created)[mine]
    assert evidence["value"] == pytest.approx(waited.mean(), abs=0.01)
    assert evidence["n"] == mine.sum()
    assert f"{100 * (waited > LIMIT['limit']).mean():.0f} %" in row.rationale
    assert len(evidence["companions"]) == 3


def find_end(row):
    """When the past of a proposal ends (s): it began so many days before the last Monday."""
    change = CHANGES[PRECEDENTS[row.pk - Pipeline.objects.order_by("pk").first().pk].change]
    monday = int(row.carried_out_at.timestamp()) + change.before * DAY_S
    return monday + 5 * DAY_S + 17 * HOUR_S + 40 * MINUTE_S


def check_pages(approver, proposals):
    """The judged effect is on its page, as a file, and in the API."""
    client = Client()
    client.force_login(approver)
    for row in proposals:
        page = client.get(f"/inbox/{row.pk}/").content.decode()
        assert f"What came of it: {row.state}" in page
        # What the proposer said is what was measured: it is told once.
        assert "The proposer says" not in page
        answer = client.get(f"/api/v1/pipelines/{row.pk}/").json()
        assert answer["effect"]["verdict"] == row.state
    assert "the form on the website was out of order" in page
