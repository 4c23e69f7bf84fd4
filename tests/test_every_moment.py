"""Every moment that a person reads says its zone, and its year where it is another one, at every door."""

import re
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from html import unescape
from html.parser import HTMLParser
from itertools import zip_longest
from types import SimpleNamespace
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from metrics_app.core.text.moments import name_zone
from metrics_app.models import Breach, Note, Notice, Receiver, Threshold
from pipelines_app.models import Pipeline
from pipelines_app.services import approve, confirm, delegate, propose, reject, run_errands, stop, withdraw
from tests.metrics_app.histories import DAY
from tests.visiting import OPEN, TOPIC, find_urls, list_walked, make_world

# What it asks of SQL is what the tests of each door ask.
pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.any_database]
NOW = timezone.now()
# A day of the month that neither today nor a deadline is near.
DATE = 8 if 13 < NOW.day < 29 else 21
SEASONS = tuple(datetime(NOW.year - 1, month, DATE, 10, 6, 31, tzinfo=UTC) for month in (1, 7))
ZONES = ("Asia/Kathmandu", "Europe/Berlin")  # one without a name, one of two seasons
# A day of those seasons that no year follows.
YEARLESS = re.compile(
    rf"\b(?:{'|'.join(str(DATE + at) for at in range(-1, 3))}) (?:Jan|July?|January)\b(?! \d{{4}}\b)"
)
CLOCK = re.compile(r"(?<![+−:])\b\d{1,2}:\d{2}(?::\d{2})?\b")
NAME = re.compile(r"UTC(?:[+−]\d{1,2}(?::\d\d)?)?|\b(?:CES?T|E[SD]T)\b|\b[A-Z]\w+/[A-Z]\w+")
ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d)")
EXAMPLE = "UTC, as 2026-03-01 14:05"  # how a field is to be filled
NEAR = 45  # characters behind a time of day: "14:02, recovered 2026-11-25 14:20 CET"


@contextmanager
def living_at(moment):
    """Everything that asks what time it is hears ``moment``."""
    with patch.object(timezone, "now", lambda: moment):
        yield


class Reader(HTMLParser):
    """What a page says: ``blocks`` of text, and of each ``<time>`` its moment, its text and its zone.

    The zone is its own, or that which is said once before the list or table around it.
    """

    INLINE = frozenset(
        ["a", "abbr", "b", "code", "em", "i", "kbd", "small", "span", "strong", "sub", "time", "u"]
    )
    VOID = frozenset(["area", "br", "col", "hr", "img", "input", "link", "meta", "source"])
    SILENT = frozenset(["script", "style", "template"])

    def __init__(self, text):
        super().__init__()
        self.blocks, self.times, self.stack, self.zones, self.said = [""], [], [], [], None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag not in self.INLINE:
            self.blocks.append("")
        if tag in self.VOID:
            return
        self.stack.append(tag)
        self.zones.append(attrs.get("data-zone") if tag == "div" else None)
        if tag == "time":
            self.said = SimpleNamespace(
                at=attrs["datetime"], text="", around=self.find_zone(), block=len(self.blocks)
            )
            self.times.append(self.said)

    def handle_endtag(self, tag):
        if tag not in self.INLINE:
            self.blocks.append("")
        while self.stack and tag in self.stack:
            self.zones.pop()
            if self.stack.pop() == tag:
                break
        if tag == "time":
            self.said = None

    def handle_data(self, data):
        if self.SILENT & set(self.stack):
            return
        zone = self.find_zone()
        # Beside what is said before a list or a table, its times of day are complete.
        text = CLOCK.sub(rf"\g<0> {zone}", data) if zone and self.said else data
        self.blocks[-1] += text
        if self.said:
            self.said.text += data

    def find_zone(self):
        return next(filter(None, reversed(self.zones)), None)


def find_zoneless(text):
    """The times of day in a text behind which no zone is named."""
    text = ISO.sub("", " ".join(unescape(text).split())).replace(EXAMPLE, "")
    return [
        text[max(0, m.start() - 40) : m.end() + NEAR]
        for m in CLOCK.finditer(text)
        if not NAME.search(text, m.end(), m.end() + NEAR)
    ]


def find_wrong_zones(page, zone):
    """``(moment, text, its zone, that of its season)`` of each ``<time>`` of day that says another."""
    for one, following in zip_longest(page.times, page.times[1:]):
        if not CLOCK.search(one.text):
            continue
        said = NAME.search(one.text) or (one.around and NAME.search(one.around))
        # The beginning of a span leaves it to its end.
        said = said or (following and following.block == one.block and NAME.search(following.text))
        name = name_zone(datetime.fromisoformat(one.at).astimezone(ZoneInfo(zone)))
        if not said or said[0] != name:
            yield one.at, one.text, said and said[0], name


def read_sentences(body):
    """The texts in an answer of JSON."""
    if isinstance(body, dict):
        body = list(body.values())
    if isinstance(body, list):
        return [text for one in body for text in read_sentences(one)]
    return [body] if isinstance(body, str) else []


def live(moment, world):
    """What may have happened at a moment: a breach, a note, a notice, and proposals of every end."""
    boss, at = world.people["superuser"], int(moment.timestamp() * 1000)
    rule, day = Threshold.objects.get(pk=world.ids["threshold"]), timedelta(days=1)
    breach = Breach.objects.create(
        threshold=rule, version=1, since=at, fired_at=at, recovered_at=at + 90_000, value=60.0, peak=60.0
    )
    for kind, after in (("fired", 0), ("recovered", 90_000)):
        breach.timeline.create(at=at + after, kind=kind, text=kind.capitalize())
    Note.objects.create(topic=TOPIC, at=at, until=at + 2 * DAY, text="new form", author=boss)
    Notice.objects.create(receiver=Receiver.objects.get(), breach=breach, event="firing", at=at)
    with living_at(moment):
        made = {
            name: propose(title=f"{name} of {moment:%B}", suggestion=name, topic=OPEN, kpi=1)[0]
            for name in ("Rejected", "Withdrawn", "Done", "Waiting")
        }
        reject(pipeline=made["Rejected"], by=boss, version=1, comment="No.")
        withdraw(pipeline=made["Withdrawn"], by=boss, version=1, comment="Mistaken.")
        approve(pipeline=made["Done"], by=boss, version=1)
    with living_at(moment + day):
        run_errands(now=moment + day)
        confirm(pipeline=made["Done"], by=boss, version=1, day=moment.date(), now=moment + day)
    Pipeline.objects.filter(pk=made["Waiting"].pk).update(due_at=timezone.now() + day)
    return [f"/inbox/{one.pk}/" for one in made.values()]


@pytest.fixture
def pages(settings):
    """``(client, addresses)``: all doors, and the pages of what was in both seasons of last year."""
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"EXECUTE_AFTER": 10}
    world = make_world()
    old = [page for moment in SEASONS for page in live(moment, world)]
    boss, client = world.people["superuser"], world.visitors["superuser"]
    delegate(
        by=boss,
        to=world.people["staff"],
        starts_at=timezone.now(),
        ends_at=timezone.now() + timedelta(days=40),
    )
    stop(reason="audit", name="root", now=SEASONS[1])
    begin, end = (int(moment.timestamp() * 1000) for moment in SEASONS)
    spans = [f"/kpis/{TOPIC}/?from={at - DAY}&to={at + DAY}&table=1" for at in (begin, end)]
    spans += [f"/kpis/{TOPIC}/?from={begin - DAY}&to={end + DAY}&table=1"]
    # The schema tells of no moments, and takes its time.
    doors = [find_urls(one, world.ids)[0] for one in list_walked() if one.name != "schema"]
    return client, [*doors, *old, *spans]


def knock(client, url, zone):
    """What a door answers a reader of a zone: the response, or None for what is not to be read."""
    client.cookies["timezone"] = zone
    response = client.get(url)
    if response.streaming or response.status_code != 200:
        return None
    return response


def find_faults(response, zone):
    """What an answer leaves open of its moments, or says of a wrong season."""
    kind = response.headers["Content-Type"].partition(";")[0]
    if kind not in ("application/json", "text/html"):
        return []
    texts = read_sentences(response.json()) if kind == "application/json" else [response.content.decode()]
    return [fault for text in texts for fault in find_faults_of(text, zone)]


def find_faults_of(text, zone):
    """The same of a text, or of a page or a part of one."""
    page = Reader(text)
    for block in page.blocks:
        yield from find_zoneless(block)
        yield from YEARLESS.findall(block)
    yield from find_wrong_zones(page, zone)


def test_every_door_says_the_zone_of_each_moment_by_its_season(pages, settings):
    client, doors = pages
    found, told = {}, 0
    for zone in ZONES:
        answers = {door: knock(client, door, zone) for door in doors}
        for door, response in answers.items():
            told += len(CLOCK.findall(response.content.decode())) if response else 0
            # What is open to all is in the site's zone.
            of = settings.TIME_ZONE if door.startswith("/open-data/") else zone
            if response and (faults := find_faults(response, of)):
                found[zone, door] = faults
        # All pages of the admin write moments by one function, in any zone.
        doors = [door for door, response in answers.items() if response and "/admin/" not in door]
    for key, faults in found.items():
        print(key, *faults, sep="\n    ")
    assert found == {} and told > 300
