"""A breach, its receivers, silences and proposals: at every door one truth, whatever is edited meanwhile.

Each walk is what happens, word by word, and what each party must know at its end. "Duty" hears of all by
mail, "Chief" of critical breaches only, "Pager" of all by webhook; its incidents open by ``firing`` and close
by ``recovered``.
"""

import re
import time
from datetime import timedelta
from typing import NamedTuple

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.utils import timezone

from metrics_app.core import edits
from metrics_app.models import Silence, Threshold
from metrics_app.services.keys import create_key
from metrics_app.services.notices import send_notices
from metrics_app.services.rules.thresholds import save_threshold
from metrics_app.services.silences import end_silence, save_silence
from metrics_app.services.watch.announce import announce
from metrics_app.services.watch.evaluate import evaluate
from pipelines_app.models import Pipeline
from tests.metrics_app.telling import allow, make_receiver, serve
from tests.metrics_app.watching import HOUR, TOPIC, make_threshold, send

pytestmark = [pytest.mark.django_db, pytest.mark.any_database]
MINUTE = 60_000
EVENTS = {"■ Beyond limit": "firing", "● Recovered": "recovered", "– Ended": "ended"}


@pytest.fixture
def base():
    """A whole minute 40 minutes ago (ms)."""
    return int(time.time() // 60 - 40) * MINUTE


class Known(NamedTuple):
    """What each party knows at the end of a walk."""

    duty: str  # the events of the mails, in order
    chief: str
    pager: int  # incidents that are open
    severity: str
    proposals: int
    silenced: bool = False
    is_open: bool = True


FIRED = Known("firing", "", 1, "warning", 1)
OVER = Known("firing recovered", "", 0, "warning", 1, is_open=False)
WALKS = {
    "fire": FIRED,
    "fire recover": OVER,
    "fire raise": FIRED._replace(chief="firing", severity="critical"),
    "fire raise lower recover": OVER._replace(chief="firing recovered"),
    "critical fire lower recover": OVER._replace(chief="firing recovered"),
    "critical fire lower raise": FIRED._replace(chief="firing", severity="critical"),
    "untitled fire title retitle": FIRED,
    "fire retitle": FIRED,
    "fire off": OVER._replace(duty="firing ended"),
    "silence fire": Known("", "", 0, "warning", 0, silenced=True),
    "silence fire raise end": FIRED._replace(chief="firing", severity="critical"),
    "silence fire wait": FIRED._replace(silenced=True),
    "silence fire end recover": OVER,
    "silence fire recover end": Known("", "", 0, "warning", 0, is_open=False),
    "silence fire off end": Known("", "", 0, "warning", 0, is_open=False),
    "silence overlap fire end end": FIRED,
    "silence fire silence end end": FIRED,
    "untitled silence fire title end": FIRED,
    "untitled silence fire end title": FIRED,
    "hours fire": Known("", "", 0, "warning", 0, silenced=True),
    "hours fire wait recover": OVER._replace(silenced=True),
    "fire silence end": FIRED,
    "fire silence raise end": FIRED._replace(chief="firing", severity="critical"),
    "fire silence recover end": OVER,
    "fire silence off": OVER._replace(duty="firing ended", silenced=True),
    "fire silence reopen": OVER._replace(is_open=True, silenced=True),
    "fire silence reopen end": FIRED._replace(duty="firing recovered reopened"),
    "fire hush raise": FIRED._replace(severity="critical", silenced=True),
    "fire hush raise lower": FIRED,
    "critical fire hush lower": FIRED._replace(chief="firing"),
    "muffle fire": Known("", "", 0, "warning", 0, silenced=True),
    "muffle fire raise": FIRED._replace(chief="firing", severity="critical"),
}


class Walk:
    """Carries the words of a walk out; after each of them everybody has drained."""

    def __init__(self, base):
        self.base, self.rule, self.wanted = base, None, {}
        self.later, self.at, self.silences = timedelta(), base + MINUTE + 10_000, []

    @property
    def now(self):
        """The moment at which everybody drains."""
        return timezone.now() + self.later

    def go(self, words):
        """All words, in order."""
        for word in words.split():
            getattr(self, word)()
            announce(now=self.now)
            send_notices(now=self.now)

    def critical(self):
        self.wanted["severity"] = "critical"

    def untitled(self):
        self.wanted["title"] = ""

    def fire(self):
        self.rule = make_threshold(now=self.base, window=120, cooldown=HOUR, **self.wanted)
        send((self.base + 1000, 60 * HOUR))
        evaluate(now=self.base + MINUTE + 1)

    def edit(self, **fields):
        rule = Threshold.objects.select_related("kpi").get(pk=self.rule.pk)
        for name, value in fields.items():
            setattr(rule, name, value)
        self.at += 2_000
        save_threshold(rule, by=None, now=self.at)
        evaluate(now=self.at + 1)

    def off(self):
        self.edit(enabled=False)

    def lower(self):
        self.edit(severity="warning")

    def title(self):
        self.edit(title="Response time breach")

    def retitle(self):
        self.edit(title="Another title")

    def recover(self):
        send((self.base + 3 * MINUTE, 10 * HOUR))
        evaluate(now=self.base + 4 * MINUTE + 1)

    def reopen(self):
        self.recover()
        send((self.base + 5 * MINUTE, 60 * HOUR), (self.base + 5 * MINUTE, 70 * HOUR))
        evaluate(now=self.base + 6 * MINUTE + 1)

    def hold_back(self, **fields):
        span = {"starts_at": self.now - timedelta(minutes=5), "ends_at": self.now + timedelta(hours=1)}
        row = Silence(**({"topic": TOPIC, "reason": "works"} | span | fields))
        self.silences.append(save_silence(row, by=None))

    def silence(self):
        self.hold_back()

    def overlap(self):
        self.hold_back(topic="*", ends_at=self.now + timedelta(hours=2))

    def hush(self):
        self.hold_back(topic="", severity="critical")

    def muffle(self):
        self.hold_back(topic="", severity="warning")

    def hours(self):
        opens, closes = (self.now + timedelta(hours=hours) for hours in (-1, 1))
        self.hold_back(
            ends_at=self.now + timedelta(days=30),
            days=f"{opens:%a}".lower(),
            opens=opens.time().replace(microsecond=0),
            closes=closes.time().replace(microsecond=0),
        )

    def end(self):
        end_silence(self.silences.pop(0))

    def wait(self):
        self.later = timedelta(hours=2)


setattr(Walk, "raise", lambda walk: walk.edit(severity="critical"))


@pytest.fixture
def doors(client, settings):
    """What is read at the end: by a superuser, a scraper, and the other end of a webhook."""
    client.force_login(User.objects.create_superuser("root"))
    with serve(204, body=b"") as server:
        allow(settings, server.url)
        make_receiver("Duty")
        make_receiver("Chief", addresses=["chief@example.org"], severities=["critical"])
        make_receiver("Pager", kind="webhook", webhook="pager", addresses=[])
        client.posts = server.posts
        yield client


def read_mails(address):
    """The events of the mails to an address."""
    heads = [letter.subject.partition(":")[0] for letter in mail.outbox if letter.to == [address]]
    return " ".join(EVENTS.get(head, "reopened" if "again" in head else head) for head in heads)


def count_incidents(posts):
    """How many incidents are open at the other end; each event comes once."""
    told = [notice for post in posts for notice in post.json["data"]["notices"]]
    assert len({(one["breach"], one["event"], one["at"]) for one in told}) == len(told)
    open_ones = set()
    for one in told:
        if one["event"] in ("firing", "reopened"):
            open_ones.add(one["breach"])
        elif one["event"] == "recovered":
            open_ones.remove(one["breach"])
    return len(open_ones)


@pytest.mark.parametrize("words", WALKS)
def test_every_party_knows_the_same(words, base, doors):
    known, walk = WALKS[words], Walk(base)
    walk.go(words)
    assert (read_mails("duty@example.org"), read_mails("chief@example.org")) == (known.duty, known.chief)
    assert count_incidents(doors.posts) == known.pager
    proposals = list(Pipeline.objects.values_list("noted", flat=True))
    assert proposals == [0] * known.proposals, "once, and noted by no repeat"
    check_doors(doors, known)
    walk.go("")
    assert announce(now=walk.now) == send_notices(now=walk.now) == 0, "nobody hears of anything twice"


def check_doors(client, known):
    """The rule and its breach at the API, in the exposition and on the page of the KPI."""
    [breach] = client.get("/api/v1/breaches/").json()["results"]
    rules = client.get("/api/v1/thresholds/").json()["results"]
    assert breach["severity"] == rules[0]["severity"] == known.severity
    assert (breach["recovered_at"] is None) is known.is_open
    assert ("proposed #" in breach["outcome"]) is bool(known.proposals)
    lines = [line["text"] for line in breach["timeline"] if line["text"].startswith("proposed #")]
    assert len(lines) == known.proposals
    is_told = "silenced until" in rules[0]["silenced"]
    # Of the rule; what its breach went through stands below in small letters.
    assert is_told is ("Silenced until" in client.get(f"/kpis/{TOPIC}/").content.decode()) is known.silenced
    headers = {"Authorization": f"Bearer {create_key(name='scraper', scopes=['read'])[1]}"}
    scraped = client.get("/metrics", headers=headers).content.decode()
    found = re.findall(r'hms_threshold_state\{.*severity="(\w+)",state="firing".*\} (\S+)', scraped)
    assert found in ([], [(known.severity, "1.0" if known.is_open else "0.0")])
    assert bool(found) is rules[0]["enabled"]


def test_every_field_of_a_rule_is_one_of_those_that_an_open_breach_follows_or_does_not():
    named = [*edits.JUDGED, *edits.FOLLOWED, *edits.PROPOSED, *edits.ENDING]
    assert sorted(named) == sorted(Threshold.RULE_FIELDS)
