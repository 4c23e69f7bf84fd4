"""A breach becomes a proposal: from points on a real bus to the inbox."""

import threading
import time
from datetime import timedelta
from importlib import import_module
from types import SimpleNamespace
from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import DEFAULT_DB_ALIAS, connection
from django.utils import timezone

from hms_gov.joins import wiring
from hms_gov.joins.changes import read_changes
from hms_gov.joins.evidence import freeze
from metrics_app import live
from metrics_app.exceptions import BadInput as BadRule
from metrics_app.models import Breach, Kpi, Loss, Silence
from metrics_app.queries.logs import shard_for
from metrics_app.registry import forget, get_kpi, load_kpis
from metrics_app.services.rules.thresholds import save_threshold
from metrics_app.services.silences import save_silence
from metrics_app.services.watch.announce import announce
from metrics_app.services.watch.evaluate import evaluate
from pipelines_app import queries
from pipelines_app.cards.basis import find_basis
from pipelines_app.cards.cards import make_card
from pipelines_app.cards.execution import tell_following
from pipelines_app.cards.figures import tell_losses, tell_opening
from pipelines_app.cards.record_pages import list_earlier
from pipelines_app.cards.writing import tell_time, to_local
from pipelines_app.exceptions import BadInput, Conflict, NotAllowed
from pipelines_app.models import Pipeline
from pipelines_app.services import approve, change_suggestion, propose, run_errands
from pipelines_app.services.verify import read_head, verify_audit
from tests.metrics_app.watching import HOUR, TOPIC, make_threshold, send

pytestmark = pytest.mark.django_db
propose_module = import_module("pipelines_app.services.propose")
MINUTE, DAY = 60_000, 86_400_000
NAMES = ("ts", "count", "mean", "min", "max")


@pytest.fixture
def base():
    """A whole minute 40 minutes ago (ms): what follows it is over, and still hot."""
    return int(time.time() // 60 - 40) * MINUTE


@pytest.fixture
def author():
    return User.objects.create_superuser("root")


@pytest.fixture
def second():
    return User.objects.create_superuser("second")


@pytest.fixture
def fired(base, author):
    """A breach of the worked example, 54 h on average, and its threshold."""
    threshold = make_threshold(now=base, by=author, severity="critical")
    send((base + 1000, 50 * HOUR), (base + 31_000, 58 * HOUR))
    evaluate(now=base + MINUTE + 1)
    return Breach.objects.get(threshold=threshold)


def test_it_opens_the_proposal_of_the_threshold_with_its_evidence(fired, author, base):
    announce()
    pipeline = Pipeline.objects.get()
    assert (pipeline.title, pipeline.suggestion) == ("Response time breach", "Hire 2 temp agents")
    assert (pipeline.topic, pipeline.unit, pipeline.kpi) == (TOPIC, "seconds", 54 * HOUR)
    assert (pipeline.severity, pipeline.origin, pipeline.proposer) == (
        "critical",
        f"breach:{fired.pk}",
        author,
    )
    evidence = pipeline.evidence
    assert (evidence["value"], evidence["n"], evidence["window"]) == (54 * HOUR, 2, 1800)
    assert (evidence["operator"], evidence["limit"], evidence["recovery_limit"]) == ("gt", 48 * HOUR, None)
    assert evidence["threshold"]["version"] == 1
    assert evidence["threshold"]["rule"]["interval"] == 60
    assert pipeline.overrun == pytest.approx(6 / 48)
    fired.refresh_from_db()
    assert fired.outcome == f"proposed #{pipeline.pk}"


def test_it_freezes_the_minutes_up_to_the_slot_and_nothing_after_it(fired, base):
    send((base + 61_000, 1.0))
    announce()
    minutes = Pipeline.objects.get().evidence["minutes"]
    filled = [row for row in zip(*(minutes[name] for name in NAMES), strict=True) if row[1]]
    assert filled == [(base, 2, 54 * HOUR, 50 * HOUR, 58 * HOUR)]
    assert len(minutes["ts"]) == 60 + 30  # the hour that is drawn, and the window before it


def test_its_evidence_names_the_points_that_were_lost_in_its_span(fired, author, base, client):
    since, end = base - 9 * MINUTE, base - 5 * MINUTE
    known = {"shard": shard_for(TOPIC), "start": since, "looked_at": end, "points": 3000}
    Loss.objects.create(**known, end=end, topics={TOPIC: [since, 3000]})
    Loss.objects.create(**known, end=end + 1000, topics={"er.wait": [since, 3000]})
    Loss.objects.create(**known | {"start": since - DAY, "looked_at": end - DAY}, end=end - DAY, topics=None)
    announce()
    pipeline = Pipeline.objects.get()
    [lost] = pipeline.evidence["losses"]
    assert lost == {"start": since, "end": end, "points": 3000, "text": "3,000 points lost"}
    at = tell_time(to_local(end), timezone.now())
    client.force_login(author)
    for page in ("/inbox/", f"/inbox/{pipeline.pk}/"):
        told = f"3,000 points lost at {at}: no figure here has them"
        assert told in client.get(page).content.decode()
    [freed] = freeze(TOPIC, base - 60 * MINUTE, base)["losses"]
    assert freed == lost
    assert "losses" not in freeze(TOPIC, base, base + MINUTE)


@pytest.mark.parametrize("losses", [None, "all", [3], [{"text": "x"}], [{"text": "x", "end": 10**18}]])
def test_what_is_no_loss_in_somebodys_evidence_is_not_told(losses):
    assert tell_losses(SimpleNamespace(evidence={"losses": losses}), timezone.now()) == []


def test_it_cuts_the_last_minute_at_the_slot(base):
    threshold = make_threshold(now=base, interval=10)
    send((base + 1000, 50 * HOUR), (base + 15_000, 99 * HOUR))
    evaluate(now=base + 10_001)
    breach = Breach.objects.get(threshold=threshold)
    assert breach.fired_at == base + 10_000
    announce()
    minutes = Pipeline.objects.get().evidence["minutes"]
    assert (minutes["ts"][-1], minutes["count"][-1], minutes["max"][-1]) == (base, 1, 50 * HOUR)


def test_it_keeps_evidence_and_rule_when_both_change_later(fired, author):
    announce()
    threshold = fired.threshold
    threshold.limit, threshold.suggestion = 10, "Something else"
    save_threshold(threshold, by=author)
    pipeline = Pipeline.objects.get()
    assert pipeline.evidence["limit"] == 48 * HOUR
    assert pipeline.suggestion == "Hire 2 temp agents" and pipeline.evidence_intact


def test_it_freezes_companions_but_no_secret_of_another_group(base, author):
    other = Group.objects.create(name="other")
    Kpi.objects.create(topic="complaint.received", aggregate="rate_per_hour", window=3600)
    Kpi.objects.create(topic="complaint.secret", owner=other, restricted=True)
    Kpi.objects.create(topic="er.wait")
    forget()
    make_threshold(now=base, by=author)
    send((base + 1000, 1), (base + 2000, 1), (base + 3000, 1), topic="complaint.received")
    send((base + 1000, 50 * HOUR))
    evaluate(now=base + MINUTE + 1)
    announce()
    companions = Pipeline.objects.get().evidence["companions"]
    assert [(row["topic"], row["value"], row["n"]) for row in companions] == [("complaint.received", 3.0, 3)]


def test_it_notes_the_newer_value_while_the_proposal_is_open(fired, author):
    announce()
    again = Breach.objects.create(
        threshold=fired.threshold,
        version=1,
        since=fired.since,
        fired_at=fired.fired_at + MINUTE,
        recovered_at=fired.fired_at + 2 * MINUTE,
        value=60 * HOUR,
        n=3,
    )
    pipeline = Pipeline.objects.get()
    assert wiring.propose_for_breach(again) == (
        f"proposal #{pipeline.pk} is still open; noted the newer value"
    )
    pipeline.refresh_from_db()
    assert (pipeline.noted, pipeline.latest_kpi) == (1, 60 * HOUR)
    assert pipeline.overrun == pytest.approx(12 / 48)


def test_it_proposes_once_for_a_breach_that_is_announced_again(fired):
    assert wiring.propose_for_breach(fired) == f"proposed #{Pipeline.objects.get().pk}"
    wiring.propose_for_breach(fired)
    assert (Pipeline.objects.count(), Pipeline.objects.get().noted) == (1, 0)


def test_it_proposes_nothing_without_a_title(fired):
    fired.threshold.title = ""
    assert wiring.propose_for_breach(fired) == "not proposed: the threshold has no title"
    assert not Pipeline.objects.exists()


def test_it_suggests_a_look_where_the_threshold_suggests_nothing(fired):
    fired.threshold.suggestion = ""
    wiring.propose_for_breach(fired)
    assert Pipeline.objects.get().suggestion == "Look into complaint.latency"


def test_it_says_so_when_the_proposal_cannot_be_made(fired):
    fired.threshold.title = "a" * 300
    assert wiring.propose_for_breach(fired).startswith("not proposed: title has 300 characters")


def test_it_restricts_the_proposal_of_a_restricted_kpi_to_its_group(fired):
    group = Group.objects.create(name="air")
    kpi = fired.threshold.kpi
    kpi.restricted = True
    assert wiring.propose_for_breach(fired) == "not proposed: the KPI is restricted, but no group owns it"
    kpi.owner = group
    kpi.save()
    wiring.propose_for_breach(fired)
    assert Pipeline.objects.get().restricted_to == group


def restrict_elsewhere(topic=TOPIC):
    """The group to which another process restricts a KPI: this one's memory does not hear of it."""
    group = Group.objects.create(name="air")
    Kpi.objects.filter(topic=topic).update(restricted=True, owner=group)
    return group


def test_what_another_process_restricted_is_proposed_to_its_group_alone(fired):
    load_kpis()
    group = restrict_elsewhere()
    assert not get_kpi(TOPIC).restricted, "as this process remembers it"
    announce()
    opened, _ = propose(title="Other", suggestion="Look", topic=TOPIC)
    Kpi.objects.filter(topic=TOPIC).delete()
    again, _ = propose(title="Deleted since", suggestion="Look", topic=TOPIC)
    assert Pipeline.objects.count() == 3
    assert {one.restricted_to for one in Pipeline.objects.all()} == {group}
    assert opened.restricted_to == again.restricted_to == group


@pytest.mark.parametrize("when", ["remembered", "between"])
def test_whoever_may_no_longer_see_it_proposes_nothing_about_it(fired, when, monkeypatch):
    load_kpis()
    outside = queries.Sight(frozenset())
    if when == "between":
        freeze = propose_module.freeze
        # After it was read, and before the transaction begins.
        monkeypatch.setattr(propose_module, "freeze", lambda *args: (freeze(*args), restrict_elsewhere()))
    else:
        restrict_elsewhere()
    with pytest.raises(BadInput) as told:
        propose(title="Other", suggestion="Look", topic=TOPIC, sight=outside)
    assert told.value.errors == [{"field": "topic", "message": "is no KPI that you may see"}]
    assert not Pipeline.objects.exists()


def test_what_is_restricted_while_it_is_opened_is_frozen_again_for_its_group(fired, monkeypatch):
    frozen_for, freeze = [], propose_module.freeze

    def freeze_slowly(row, *args):
        freeze(row, *args)
        frozen_for.append(row.restricted_to)
        if len(frozen_for) == 1:
            restrict_elsewhere()

    monkeypatch.setattr(propose_module, "freeze", freeze_slowly)
    announce()
    group = Group.objects.get()
    assert frozen_for == [None, group] and Pipeline.objects.get().restricted_to == group
    assert verify_audit().faults == []


@pytest.mark.django_db(transaction=True)
def test_whoever_restricts_it_in_that_very_moment_waits_and_restricts_the_proposal_too(author, monkeypatch):
    kpi, append = Kpi.objects.create(topic=TOPIC), propose_module.append_audit

    def restrict():
        try:
            kpi.owner, kpi.restricted = Group.objects.create(name="air"), True
            kpi.save()
        finally:
            connection.close()

    thread = threading.Thread(target=restrict)

    def append_slowly(**entry):
        thread.start()
        # Without a lock this is enough for it; with one it waits for the end of this transaction.
        thread.join(0.3)
        return append(**entry)

    monkeypatch.setattr(propose_module, "append_audit", append_slowly)
    propose(title="Other", suggestion="Look", topic=TOPIC, proposer=author)
    thread.join(60)
    assert Pipeline.objects.get().restricted_to == Group.objects.get()


def test_it_lets_the_approver_decide_and_not_the_last_editor(fired, author):
    announce()
    pipeline = Pipeline.objects.get()
    approver = User.objects.create_user("approver")
    approver.user_permissions.add(Permission.objects.get(codename="decide_pipeline"))
    with pytest.raises(NotAllowed):
        approve(pipeline=pipeline, by=author, version=1)
    assert approve(pipeline=pipeline, by=approver, version=1).state == "approved"
    assert verify_audit().faults == []


def test_it_opens_the_proposal_without_a_chart_when_redis_is_away(fired, settings):
    settings.METRICS_APP = {**settings.METRICS_APP, "REDIS_URL": "redis://127.0.0.1:1"}
    wiring.propose_for_breach(fired)
    evidence = Pipeline.objects.get().evidence
    assert evidence["minutes"] is None and evidence["not_measured"] == "Redis does not answer."
    assert evidence["quantity"]["text"] == "54 h" and "curve" not in evidence["quantity"]
    assert evidence["value"] == 54 * HOUR


def test_it_freezes_what_the_rule_judged_and_a_curve_that_ends_there(fired):
    announce()
    quantity = Pipeline.objects.get().evidence["quantity"]
    assert (quantity["label"], quantity["unit"], quantity["text"]) == ("mean over 30 min", "seconds", "54 h")
    curve = quantity["curve"]
    assert (curve["ts"][-1], curve["values"][-1]) == (fired.fired_at, 54 * HOUR)
    assert curve["ts"][0] == fired.fired_at - 60 * MINUTE and len(curve["ts"]) == 61


def test_a_share_is_proposed_in_per_cent_and_frozen_as_itself(base, author):
    rule = {"aggregate": "share_above", "aggregate_value": 48 * HOUR, "limit": 5.0}
    make_threshold(now=base, by=author, **rule)
    send((base + 1000, 50 * HOUR), (base + 2000, 1 * HOUR))
    evaluate(now=base + MINUTE + 1)
    announce()
    pipeline = Pipeline.objects.get()
    assert (pipeline.kpi, pipeline.unit) == (50, "%")
    quantity = pipeline.evidence["quantity"]
    assert (quantity["label"], quantity["text"]) == ("share above 48 h over 30 min", "50 %")
    assert quantity["curve"]["values"][-1] == 50
    assert pipeline.evidence["unit"] == "seconds", "the KPI's, as it always was"


def test_a_breach_without_a_value_has_words_for_it(fired):
    fired.value = None
    wiring.propose_for_breach(fired)
    quantity = Pipeline.objects.get().evidence["quantity"]
    assert (quantity["value"], quantity["text"]) == (None, "nothing measured")


def test_it_describes_a_topic_for_the_pipelines():
    group = Group.objects.create(name="air")
    Kpi.objects.create(topic="air.latency", unit="seconds", owner=group, restricted=True)
    Kpi.objects.create(topic="er.wait", unit="min", owner=group)
    forget()
    assert wiring.describe_topic("air.latency") == {
        "unit": "seconds",
        "restricted": True,
        "restricted_to": group,
    }
    assert wiring.describe_topic("er.wait")["restricted_to"] is None
    assert wiring.describe_topic("new.topic") == {"known": False}


def test_it_describes_what_was_restricted_until_it_was_deleted():
    group = Group.objects.create(name="air")
    Kpi.objects.create(topic="air.latency", owner=group, restricted=True).delete()
    assert wiring.describe_topic("air.latency") == {"restricted": True, "restricted_to": group}
    assert wiring.read_topic("air.latency") == wiring.describe_topic("air.latency")


def test_what_a_proposer_says_is_in_the_unit_of_what_the_tile_shows(base):
    Kpi.objects.create(topic="eyes.mean", unit="seconds", aggregate="rate_per_hour", window=3600)
    forget()
    send(*((base + at * 1000, 5.0) for at in range(12)), topic="eyes.mean")
    pipeline, _ = propose(title="Too many", suggestion="Look", kpi=12, topic="eyes.mean")
    assert pipeline.unit == "per hour"
    said = tell_opening(pipeline, find_basis(pipeline, queries.describe_watch("eyes.mean")))
    # In one unit the two are the same figure, and it is told once.
    assert said == "Rate over 1 h: 12 per hour (12 points)"


def test_it_tells_the_streams_of_a_restricted_proposal_with_its_group_as_its_row_is(monkeypatch, author):
    sent = []
    monkeypatch.setattr(live, "announce_event", lambda event, **to: sent.append((event, to)))
    group = Group.objects.create(name="air")
    _, before = read_changes(None)
    assert before == []
    pipeline, _ = propose(title="T", suggestion="Look")
    Pipeline.objects.update(restricted_to=group)
    old, _ = read_changes(None)
    approve(pipeline=pipeline, by=author, version=1)
    # A ring that comes late tells what the row says by then, with the position of that.
    wiring.tell_streams(pipeline)
    event = {"type": "pipeline", "id": pipeline.pk, "state": "approved", "title": "T"}
    told = {"permission": None, "group": group.pk, "position": read_head(DEFAULT_DB_ALIAS)[0]}
    assert sent == [(event, told)]
    assert read_changes(old) == (told["position"], [told | {"event": event}])
    assert read_changes(told["position"]) == (told["position"], [])


def test_who_begins_to_listen_hears_what_changed_within_the_last_minute(monkeypatch):
    pipeline, _ = propose(title="T", suggestion="Look")
    position, [change] = read_changes(None)
    assert (change["position"], change["event"]["id"]) == (position, pipeline.pk)
    later = timezone.now() + timedelta(minutes=2)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert read_changes(None) == (position, [])


def test_proposals_opened_before_follow_the_restriction_of_their_kpi(fired):
    announce()
    group = Group.objects.create(name="payroll")
    kpi = Kpi.objects.get(topic=TOPIC)
    kpi.owner, kpi.restricted = group, True
    kpi.save()
    assert Pipeline.objects.get().restricted_to == group
    assert not queries.visible_to(User.objects.create_user("outsider")).exists()
    kpi.restricted = False
    kpi.save()
    assert Pipeline.objects.get().restricted_to is None


def test_what_its_proposer_reserved_for_a_group_outlives_every_saving_of_its_kpi(fired):
    theirs, owners = (Group.objects.create(name=name) for name in ("payroll", "air"))
    words = {"suggestion": "Look", "topic": TOPIC}
    reserved, _ = propose(title="Response time breach", restricted_to=theirs, **words)
    announce()
    fired.refresh_from_db()
    opened = Pipeline.objects.exclude(pk=reserved.pk).get()
    # What came of the breach stands on the KPI's page: it tells of none that its readers may not see.
    assert fired.outcome == f"proposed #{opened.pk}"
    kpi = Kpi.objects.get(topic=TOPIC)
    steps = [(False, None, [theirs, None]), (True, owners, [owners] * 2), (False, owners, [theirs, None])]
    # Of a restricted KPI without an owner nobody is a reader: that tells nobody anything.
    steps += [(True, owners, [owners] * 2), (True, None, [owners] * 2)]
    for kpi.restricted, kpi.owner, readers in steps:
        kpi.save()
        assert [Pipeline.objects.get(pk=row.pk).restricted_to for row in (reserved, opened)] == readers
    assert verify_audit().faults == []


def test_a_proposal_says_that_its_rule_is_silenced_now_and_in_the_readers_zone(client, fired, author):
    announce()
    path = f"/inbox/{Pipeline.objects.get().pk}/"
    client.force_login(author)
    assert "Its rule is silenced" not in client.get(path).content.decode()
    ends = timezone.now() + timedelta(hours=1)
    save_silence(Silence(threshold=fired.threshold, ends_at=ends, reason="maintenance"), by=author)
    client.cookies["timezone"] = "America/New_York"
    local = ends.astimezone(ZoneInfo("America/New_York"))
    told = f"Its rule is silenced until {local:%Y-%m-%d %H:%M %Z} by root: maintenance"
    assert told in client.get(path).content.decode()
    assert told in client.get(f"{path}since/").content.decode()


def test_a_rate_of_what_has_a_long_unit_is_proposed(base):
    unit = "complaints about air and water"
    make_threshold(now=base, aggregate="rate_per_hour", limit=0.5, unit=unit)
    send((base + 1000, 1.0))
    evaluate(now=base + MINUTE + 1)
    announce()
    assert Pipeline.objects.get().unit == f"{unit} per hour"


def test_an_action_that_cannot_be_carried_out_is_refused_when_the_rule_is_saved(base):
    with pytest.raises(BadRule, match="'payroll' is no receiver of webhooks") as refused:
        make_threshold(now=base, action="webhook", action_params={"receiver": "payroll"})
    assert refused.value.errors[0]["field"] == "action_params"
    with pytest.raises(BadRule, match="'wire' is no action; known are: mail, task, threshold, webhook"):
        make_threshold(now=base, action="wire")


def test_a_breach_moves_its_own_limit_once_somebody_has_approved_it(base, author):
    threshold = make_threshold(now=base, action="threshold", action_params={"limit": "60 h"})
    send((base + 1000, 50 * HOUR), (base + 31_000, 58 * HOUR))
    evaluate(now=base + MINUTE + 1)
    announce()
    pipeline = Pipeline.objects.get()
    assert tell_following(pipeline) == (
        f"Approving changes “{threshold}”: limit: 48 h → 60 h in 10 s; until then it can be undone."
    )
    moment = approve(pipeline=pipeline, by=author, version=1).decided_at + timedelta(seconds=10)
    run_errands(now=moment)
    pipeline.refresh_from_db()
    threshold.refresh_from_db()
    assert (pipeline.state, threshold.limit, threshold.edited_by) == ("measuring", 60 * HOUR, author)
    assert verify_audit().faults == []
    # The rule still has its action, which has nothing left to do: proposed, but not to be approved so.
    kept = {"action": "threshold", "action_params": {"limit": "60 h"}, "topic": TOPIC}
    evidence = {"kpi": {"topic": TOPIC}, "threshold": {"id": threshold.pk}}
    again = propose(title="Later", suggestion="Raise", evidence=evidence, anyway=True, **kept)[0]
    assert "whose limit is 60 h already" in make_card(again, author).execution.blocked
    with pytest.raises(BadInput, match="nothing to change"):
        propose(title="Other", suggestion="Raise", evidence=evidence, **kept)
    # Nor does another proposal offer it, until it would do something; then as it would be now.
    other = propose(title="Other", suggestion="Hire 2", topic=TOPIC, evidence=evidence)[0]
    assert list_earlier(other, author) == []
    threshold.limit = 55 * HOUR
    save_threshold(threshold, by=None)
    [choice] = list_earlier(other, author)
    assert choice["does"] == f"Approving then changes “{threshold}”: limit: 55 h → 60 h"


def test_a_breach_whose_action_is_no_longer_possible_is_proposed_to_be_changed(
    base, settings, author, second
):
    make_threshold(now=base, action="threshold", action_params={"limit": "60 h"})
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"ACTIONS": {}}
    send((base + 1000, 50 * HOUR), (base + 31_000, 58 * HOUR))
    evaluate(now=base + MINUTE + 1)
    announce()
    breach, pipeline = Breach.objects.get(), Pipeline.objects.get()
    why_not = "'threshold' is no action of the settings; known are: none"
    assert breach.outcome == f"proposed #{pipeline.pk}; its action cannot be done: {why_not}"
    with pytest.raises(Conflict, match="It must be changed before it is approved: 'threshold' is no action"):
        approve(pipeline=pipeline, by=author, version=1)
    blocked = make_card(pipeline, author).execution.blocked
    assert blocked.startswith(f"Its action “threshold” cannot be done: {why_not}. Before anybody")
    # The same words: what is left out is the action.
    words = pipeline.suggestion
    changed = change_suggestion(pipeline=pipeline, by=author, version=1, suggestion=words)
    assert (changed.version, changed.suggestion, changed.action, changed.action_params) == (2, words, "", {})
    approve(pipeline=changed, by=second, version=2)
    assert verify_audit().faults == []


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"limit": "five"}, "limit: "),
        ({"limit": "52 h", "recovery_limit": "53 h"}, "recovers at at most"),
        ({"limit": -1}, "is negative"),
        ({"limit": "52 h", "threshold": 4711}, "there is no threshold 4711"),
    ],
)
def test_a_change_that_the_rule_itself_cannot_have_is_refused_when_it_is_saved(base, params, said):
    with pytest.raises(BadRule, match=said) as refused:
        make_threshold(now=base, action="threshold", action_params=params)
    assert refused.value.errors[0]["field"] == "action_params"


def test_a_change_of_another_threshold_must_be_of_the_same_kpi_when_it_is_saved(base):
    other = make_threshold("er.wait", now=base)
    with pytest.raises(BadRule, match=f"threshold #{other.pk} watches er.wait"):
        make_threshold(now=base, action="threshold", action_params={"limit": "52 h", "threshold": other.pk})
