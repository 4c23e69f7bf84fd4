"""Looking back and looking for one's own: pages whose whole question stands in the address."""

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import urlencode

import pytest
from django.utils import timezone

from pipelines_app.models import Errand, Pipeline
from pipelines_app.services import approve, close, propose, reject, run_errands, withdraw
from pipelines_app.services.errands.mail import write_mail
from tests.pipelines_app.judging import judge, make_effect

pytestmark = pytest.mark.django_db


@pytest.fixture
def inbox(client, approver):
    """The browser of somebody who may decide."""
    client.force_login(approver)
    return client


@pytest.fixture
def decided(approver, second):
    """Three that were decided: ``Queue`` rejected, ``Roof`` approved, ``Fleet`` withdrawn."""
    rows = {
        title: propose(title=title, suggestion=f"Mend the {title.lower()}", **more)[0]
        for title, more in (
            ("Queue", {"topic": "er.wait", "severity": "critical"}),
            ("Roof", {}),
            ("Fleet", {"topic": "fleet.age", "proposer": approver}),
        )
    }
    reject(pipeline=rows["Queue"], by=second, version=1, comment="Not while it rains")
    approve(pipeline=rows["Roof"], by=approver, version=1, comment="at last")
    withdraw(pipeline=rows["Fleet"], by=approver, version=1, comment="Bought a version of it")
    return rows


def list_titles(response):
    """The titles on a page, in order."""
    return [line.pipeline.title for line in response.context["lines"]]


@pytest.mark.parametrize(
    ("asked", "found"),
    [
        ({}, ["Fleet", "Roof", "Queue"]),
        ({"q": "roof"}, ["Roof"]),
        ({"q": "ER.WAIT"}, ["Queue"]),
        ({"q": "while it rains"}, ["Queue"]),
        ({"q": "bought a"}, ["Fleet"]),
        ({"q": "version"}, ["Fleet"]),
        ({"q": "bea"}, ["Queue"]),
        ({"by": "ada"}, ["Fleet", "Roof"]),
        ({"state": "rejected"}, ["Queue"]),
        ({"state": "approved"}, ["Roof"]),
        ({"severity": "critical"}, ["Queue"]),
        ({"kpi": "fleet.age"}, ["Fleet"]),
        ({"kpi": "fleet.age", "severity": "critical"}, []),
    ],
)
def test_what_was_decided_is_found_by_its_words_people_and_outcome(inbox, decided, asked, found):
    assert list_titles(inbox.get("/inbox/decided/", asked)) == found


def test_days_are_those_of_the_reader_and_the_count_of_the_day_leads_to_them(inbox, decided, monkeypatch):
    # At 12:30 UTC on the 28th it is the 29th in Auckland, since an hour and a half.
    now = datetime(2026, 11, 28, 12, 30, tzinfo=UTC)
    monkeypatch.setattr(timezone, "now", lambda: now)
    for title, hours in (("Queue", 1), ("Fleet", 1), ("Roof", 2)):
        Pipeline.objects.filter(title=title).update(decided_at=now - timedelta(hours=hours))
    inbox.cookies["timezone"] = "Pacific/Auckland"
    page = inbox.get("/inbox/")
    assert page.context["today"] == "Decided today: 0 approved, 1 rejected, 0 expired, 1 withdrawn"
    assert page.context["today_query"] == "from=2026-11-29&to=2026-11-29"
    assert 'href="/inbox/decided/?from=2026-11-29&amp;to=2026-11-29"' in page.content.decode()
    assert list_titles(inbox.get("/inbox/decided/?from=2026-11-29&to=2026-11-29")) == ["Fleet", "Queue"]
    assert list_titles(inbox.get("/inbox/decided/?to=2026-11-28")) == ["Roof"]


def test_a_line_says_who_when_and_why_and_what_has_become_of_it(inbox, decided):
    text = inbox.get("/inbox/decided/").content.decode()
    assert "Rejected by bea " in text and "“Not while it rains”" in text
    assert "Withdrawn by ada " in text and "“Bought a version of it”" in text
    assert f'href="/inbox/{decided["Queue"].pk}/"' in text


@pytest.mark.parametrize(
    "asked", [{"state": "gone"}, {"from": "soon"}, {"page": "0"}, {"page": "x"}, {"q": "a\x00"}]
)
def test_an_address_that_makes_no_sense_is_answered_with_what_is_wrong(inbox, decided, asked):
    response = inbox.get("/inbox/decided/", asked)
    assert response.status_code == 400
    assert 'class="fault" role="alert"' in response.content.decode()
    assert response.context["lines"] == []


def test_an_empty_answer_says_how_to_ask_for_more(inbox, decided):
    text = inbox.get("/inbox/decided/", {"kpi": "fleet.age", "state": "rejected"}).content.decode()
    assert "Nothing that you may see fits all of it." in text
    assert '<span class="standstill"></span>No proposal that you may see was decided, ' in text
    assert 'href="/inbox/decided/?state=rejected">about fleet.age</a>' in text


def test_pages_follow_each_other_with_the_question_kept(inbox, decided, monkeypatch):
    monkeypatch.setattr("pipelines_app.decided.PER_PAGE", 1)
    first = inbox.get("/inbox/decided/", {"by": "ada"})
    assert list_titles(first) == ["Fleet"]
    assert 'href="?page=2&amp;by=ada"' in first.content.decode()
    assert list_titles(inbox.get("/inbox/decided/?page=2&by=ada")) == ["Roof"]


def test_nobody_finds_what_is_restricted_to_others(client, outsider, member, group):
    secret = propose(title="Secret", suggestion="Hush", restricted_to=group)[0]
    reject(pipeline=secret, by=member, version=1, comment="No")
    client.force_login(outsider)
    assert list_titles(client.get("/inbox/decided/", {"q": "Secret"})) == []
    client.force_login(member)
    assert list_titles(client.get("/inbox/decided/", {"q": "Secret"})) == ["Secret"]


def test_the_inbox_shows_what_its_address_asks_for_and_so_does_an_open_page(inbox, approver, pair, second):
    mine = propose(title="Mine", suggestion="Do it", proposer=approver, severity="info")[0]
    queue = propose(title="Queue", suggestion="Mend", topic="er.wait", severity="critical")[0]
    approve(pipeline=pair, by=approver, version=1)
    for asked, found in (
        ({"severity": "critical"}, [queue]),
        ({"kpi": "er.wait"}, [queue]),
        ({"mine": "proposed"}, [mine]),
        ({"mine": "voted"}, [pair]),
        ({"mine": "decide"}, [queue, pair]),
    ):
        page = inbox.get("/inbox/", asked)
        assert [card.pipeline for card in page.context["cards"]] == found, asked
        assert f'data-waiting-url="/inbox/waiting/?{urlencode(asked)}"' in page.content.decode()
        assert inbox.get("/inbox/waiting/", asked).json()["order"] == [row.pk for row in found]
    empty = inbox.get("/inbox/", {"severity": "critical", "mine": "voted"}).content.decode()
    assert 'href="/inbox/?mine=voted">of severity critical</a>' in empty
    wrong = inbox.get("/inbox/", {"severity": "red"})
    assert (wrong.status_code, len(wrong.context["cards"])) == (400, 3)


def test_the_last_rejection_of_the_same_stands_on_the_card_with_its_comment(inbox, second):
    words = {"title": "Queue", "topic": "er.wait"}
    for comment in ("Not in May", "Ask <b>Housing</b> first"):
        last = propose(**words, suggestion="Hire 2")[0]
        reject(pipeline=last, by=second, version=1, comment=comment)
    other = propose(title="Queue", topic="er.beds", suggestion="Hire 2")[0]
    again = propose(**words, suggestion="Hire 1")[0]
    for path in (f"/inbox/{again.pk}/card/", f"/inbox/{again.pk}/"):
        text = inbox.get(path).content.decode()
        assert "Last rejected by bea" in text
        assert "(“Hire 2”): “Ask &lt;b&gt;Housing&lt;/b&gt; first”" in text
        assert f'href="/inbox/{last.pk}/">Proposal #{last.pk}</a>' in text
        assert "Not in May" not in text.split('id="reject"')[0]
    assert "rejected by" not in inbox.get(f"/inbox/{other.pk}/card/").content.decode()


def test_where_nothing_like_it_was_rejected_the_last_no_about_its_kpi_is_told(inbox, second):
    last = propose(title="Queue", topic="er.wait", suggestion="Hire 2")[0]
    reject(pipeline=last, by=second, version=1, comment="No money before May")
    other = propose(title="Rooms", topic="er.wait", suggestion="Open room 4")[0]
    said = "On the same KPI “Queue” was last rejected by bea, "
    for path in (f"/inbox/{other.pk}/card/", f"/inbox/{other.pk}/", "/inbox/"):
        text = inbox.get(path).content.decode()
        assert said in text and "(“Hire 2”): “No money before May”" in text, path
    rejected = inbox.get(f"/api/v1/pipelines/{other.pk}/").json()["rejected"]
    assert rejected == {
        **{"pipeline": last.pk, "title": "Queue", "suggestion": "Hire 2", "by": "bea"},
        **{"comment": "No money before May", "at": rejected["at"]},
    }
    assert inbox.get(f"/api/v1/pipelines/{last.pk}/").json()["rejected"] is None, "it is decided"
    # Of no KPI nothing is alike.
    free = propose(title="Paint", suggestion="Paint it")[0]
    reject(pipeline=free, by=second, version=1, comment="No")
    assert (
        "rejected by"
        not in inbox.get(
            f"/inbox/{propose(title='Lamps', suggestion='New lamps')[0].pk}/card/"
        ).content.decode()
    )


def test_the_mail_about_the_next_one_says_why_the_last_one_was_rejected(approver, second):
    for comment in ("Not in May", "No money"):
        last = propose(title="Queue", topic="er.wait", suggestion="Hire 2")[0]
        reject(pipeline=last, by=second, version=1, comment=comment)
    again = propose(title="Queue", topic="er.wait", suggestion="Hire 1")[0]
    errand = Errand.objects.filter(pipeline=again, kind="mail").first()
    body = write_mail(approver, [errand]).body
    assert re.search(r"Last rejected by bea, \d+ \w{3} \d{4}, \d\d:\d\d \w+ \(“Hire 2”\): “No money”", body)
    assert "Not in May" not in body


def test_the_page_lists_what_became_of_like_ones_with_the_words_of_who_decided(inbox, approver, second):
    words = {"title": "Queue", "topic": "er.wait"}
    last = propose(**words, suggestion="Hire 2")[0]
    reject(pipeline=last, by=second, version=1, comment="Not in May")
    judged = judge(approver, make_effect("inconclusive", 0.0, 0.2), **words)
    close(pipeline=judged, by=approver, version=1, comment="Too noisy to tell")
    again = propose(**words, suggestion="Hire 1")[0]
    text = inbox.get(f"/inbox/{again.pk}/").content.decode()
    assert re.search(r"Hire 2</a>: Rejected by bea (?:at|on) [^“]*: “Not in May”</li>", text)
    assert "Now: inconclusive. Closed by ada: “Too noisy to tell”</li>" in text
    decided = inbox.get("/inbox/decided/").content.decode()
    assert "Closed by ada: “Too noisy to tell”" in decided
    assert "Awaiting approval.</li>" in inbox.get(f"/inbox/{last.pk}/").content.decode()


def test_what_a_person_can_carry_on_is_one_click_away_from_every_page(
    inbox, client, approver, outsider, pipeline
):
    decided_at = approve(pipeline=pipeline, by=approver, version=1).decided_at
    assert inbox.get("/inbox/waiting/").json()["to_do"] == 0
    run_errands(now=decided_at + timedelta(seconds=10))
    for path in ("/", "/inbox/decided/", f"/inbox/{pipeline.pk}/"):
        text = inbox.get(path).content.decode()
        assert '<a href="/inbox/#to-do" id="to-do-link">To do' in text, path
    assert inbox.get("/inbox/waiting/").json()["to_do"] == 1
    assert 'id="to-do"' in inbox.get("/inbox/").content.decode()
    client.force_login(outsider)
    assert client.get("/inbox/waiting/").json()["to_do"] == 0
    assert 'id="to-do-link" hidden' in client.get("/inbox/").content.decode()


def test_severity_is_said_in_words_on_card_and_page(inbox):
    row = propose(title="Queue", suggestion="Mend", severity="critical")[0]
    for path in ("/inbox/", f"/inbox/{row.pk}/"):
        text = inbox.get(path).content.decode()
        assert '<p class="severity">Critical' in text or '<p class="lead">Critical · ' in text, path
