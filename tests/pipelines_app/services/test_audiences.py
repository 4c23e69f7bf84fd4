"""A proposal for one audience stands in the way of no other, and tells nobody outside that it is there."""

from datetime import timedelta
from importlib import import_module

import pytest
from django.contrib.auth.models import Group
from django.db import IntegrityError, transaction

from pipelines_app.exceptions import Conflict
from pipelines_app.models import Errand, Pipeline
from pipelines_app.services import approve, propose, reject, restrict, run_errands, undo
from pipelines_app.services.verify import verify_audit
from tests.pipelines_app.waiting import KPI, forget, open_breach

pytestmark = pytest.mark.django_db
WORDS = {"title": "Slow", "suggestion": "Hire 2", "topic": "er.wait"}
execution = import_module("pipelines_app.services.execution")
repeats = import_module("pipelines_app.services.repeats")


@pytest.fixture
def other():
    """A second group."""
    return Group.objects.create(name="clerks")


@pytest.fixture
def waiting(settings):
    """A project whose KPI is what ``KPI`` says, and whose rejections may wait for it."""
    forget()
    more = {"MEASUREMENTS": "tests.pipelines_app.waiting", "FORMAT": "", "WATCH": "", "TOPICS": ""}
    settings.PIPELINES_APP = settings.PIPELINES_APP | more


def tell_readers(*pipelines):
    """The groups that read them now."""
    found = dict(Pipeline.objects.values_list("pk", "restricted_to"))
    return [found[row.pk] for row in pipelines]


def refuse_for_now(number, by, **more):
    """A breach's proposal, rejected unless above 60 h."""
    made = open_breach(number, **more)[0]
    end = {"value": 60, "until": (made.created_at + timedelta(days=9)).date().isoformat()}
    return reject(pipeline=made, by=by, version=1, comment="no", unless=end)


@pytest.mark.parametrize("state", ["awaiting_approval", "approved", "rejected"])
def test_one_of_a_group_keeps_neither_others_nor_another_group_from_opening_theirs(
    waiting, member, group, other, state
):
    if state == "rejected":
        hidden = refuse_for_now(1, member, restricted_to=group)
    else:
        hidden = open_breach(1, restricted_to=group)[0]
    if state == "approved":
        approve(pipeline=hidden, by=member, version=1)
    opened = [open_breach(number, restricted_to=to) for number, to in ((2, None), (3, other))]
    assert [created for _, created in opened] == [True, True]
    assert tell_readers(*(row for row, _ in opened)) == [None, other.pk]
    hidden.refresh_from_db()
    assert (hidden.state, hidden.noted, hidden.latest_kpi) == (state, 0, None)
    # Each audience has one, and a repeat is noted on it.
    again = [open_breach(number, restricted_to=to) for number, to in ((4, group), (5, None), (6, other))]
    assert again == [(row, False) for row in (hidden, *(row for row, _ in opened))]
    assert verify_audit().faults == []


def test_an_approval_is_undone_whatever_waits_for_others(approver, member, group):
    mine = propose(**WORDS)[0]
    approve(pipeline=mine, by=approver, version=1)
    propose(**WORDS, restricted_to=group)
    assert undo(pipeline=mine, by=approver, version=1).state == "awaiting_approval"


def test_a_rejection_comes_back_whatever_waits_for_others_and_ends_where_its_own_readers_have_another(
    waiting, approver, group
):
    rows = [refuse_for_now(number, approver, title=f"Title {number}") for number in (1, 2)]
    KPI["value"] = 61.0
    open_breach(3, title="Title 1", restricted_to=group)
    # Of the same readers none is opened while it is waited for: somebody slipped it in.
    second = Pipeline.objects.get(pk=rows[1].pk)
    second.pk, second.state, second.origin = None, "awaiting_approval", None
    second.save(force_insert=True)
    run_errands()
    assert [Pipeline.objects.get(pk=row.pk).state for row in rows] == ["awaiting_approval", "rejected"]
    told = dict(Errand.objects.filter(kind="watch").values_list("pipeline", "outcome"))
    assert told[rows[1].pk] == "ended: another proposal of its title is open"


def test_proposals_follow_their_topic_and_what_was_reserved_goes_back_to_its_group(group, other):
    mine, theirs = propose(**WORDS)[0], propose(**WORDS, restricted_to=group)[0]
    for to in (None, other, group, other, None):
        restrict(topic="er.wait", group=to)
        wanted = [to.pk, to.pk] if to else [None, group.pk]
        assert tell_readers(mine, theirs) == wanted and verify_audit().faults == []
    assert restrict(topic="er.wait", group=None) == 0
    # For whom they were opened is what it was.
    found = Pipeline.objects.order_by("pk").values_list("audience", "reserved_for")
    assert list(found) == [(0, None), (group.pk, group.pk)]


def describe(topic):
    """The hook: to whom ``er.wait`` is restricted now."""
    return {"restricted": describe.group is not None, "restricted_to": describe.group}


def test_one_waits_per_audience_before_while_and_after_its_topic_is_restricted(settings, group, other):
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"TOPICS": f"{__name__}.describe"}
    opened = []
    for number, to in enumerate((None, group, other, None)):
        describe.group = to
        restrict(topic="er.wait", group=to)
        opened.append(propose(**WORDS))
        opened.append(propose(**WORDS | {"title": f"Opened {number}"}))
        # Whoever asks on behalf of another group is answered with what the owners read.
        assert propose(**WORDS, restricted_to=other)[1] == (to is None and number == 0)
    assert [created for _, created in opened] == [True, True] + [False, True] * 3
    assert verify_audit().faults == []


def test_an_undo_finds_what_a_restriction_has_brought_to_the_same_readers(
    settings, approver, admin_user, group, monkeypatch
):
    mine = propose(**WORDS)[0]
    approve(pipeline=mine, by=admin_user, version=1)
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"TOPICS": f"{__name__}.describe"}
    describe.group = group
    restrict(topic="er.wait", group=group)
    urgent, created = propose(**WORDS, severity="critical")
    assert created and (urgent.audience, Pipeline.objects.get(pk=mine.pk).audience) == (group.pk, 0)
    with pytest.raises(Conflict, match="another proposal of this title is open"):
        undo(pipeline=mine, by=admin_user, version=1)
    # In the same moment: nothing is seen before, and the constraint knows two audiences.
    monkeypatch.setattr(execution, "refuse_undoing", lambda *args: None)
    with pytest.raises(Conflict, match="another proposal of this title is open"):
        undo(pipeline=mine, by=admin_user, version=1)
    assert Pipeline.objects.get(pk=mine.pk).state == "approved" and verify_audit().faults == []


def test_what_is_restricted_while_it_is_repeated_is_neither_noted_nor_answered(group, outsider, monkeypatch):
    standing = propose(**WORDS | {"topic": ""})[0]
    lock = repeats.lock_pipeline

    def restrict_first(pk):
        Pipeline.objects.filter(pk=pk).update(restricted_to=group, audience=group.pk)
        return lock(pk)

    monkeypatch.setattr(repeats, "lock_pipeline", restrict_first)
    opened, created = propose(**WORDS | {"topic": ""}, proposer=outsider, kpi=7.0)
    standing.refresh_from_db()
    assert created and opened.pk != standing.pk and (standing.noted, standing.latest_kpi) == (0, None)


def test_the_database_itself_keeps_one_open_per_audience(group):
    row = propose(**WORDS)[0]
    row.pk, row.origin = None, None
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save(force_insert=True)
    row.audience = group.pk
    row.save(force_insert=True)


@pytest.mark.django_db(transaction=True)
def test_at_once_each_audience_opens_one(race, group):
    told = race(*[lambda to=to: propose(**WORDS, restricted_to=to) for to in (None, group) * 3])
    assert sorted(created for _, created in told) == [False] * 4 + [True] * 2
    rows = Pipeline.objects.values_list("restricted_to", "audience", "noted")
    assert set(rows) == {(None, 0, 2), (group.pk, group.pk, 2)}
    assert verify_audit().faults == []


@pytest.mark.django_db(transaction=True)
def test_at_once_one_origin_opens_one_under_whatever_title(race):
    told = race(*[lambda n=n: propose(**WORDS | {"title": f"T {n}"}, origin="breach:7") for n in range(3)])
    assert sorted(created for _, created in told) == [False, False, True]
    assert Pipeline.objects.count() == 1
