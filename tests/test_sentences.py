"""No sentence of any page has a hole: where a part is empty its dot, comma or bracket goes with it."""

import re
import time
from html import unescape

import pytest
from django.contrib.auth.models import User
from django.test import Client

from metrics_app.models import Kpi, Threshold
from metrics_app.registry import forget
from pipelines_app.models import Pipeline
from pipelines_app.services import approve, propose, reject
from tests.metrics_app.watching import let_all_work, make_threshold, send
from tests.visiting import find_urls, list_walked, make_world

# Its questions of SQL are those of the tests of each door.
pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.any_database]
HOLES = re.compile(
    r"·\s*·|·\s*[.,;]|[,;]\s*[,;.]|\(\s*\)|“\s*”|\.\s*\.(?!\.)|: \.|\s,"
    r"|\b(None(?!:| available| yet)|NaN|undefined|nan|inf)\b|\{[{%]"
)
# What stands on a page for its programs, and lists of choices.
UNSEEN = re.compile(r"<(script|style|select|textarea)\b.*?</\1>|<!--.*?-->|<[^>]+ hidden[^>]*>[^<]*", re.S)
BLOCK = re.compile(
    r"</?(p|li|h\d|div|td|th|dt|dd|tr|ul|ol|dl|form|section|label|option|a class=\"name\")\b[^>]*>"
)


def list_sentences(html):
    """The texts of a page's blocks, as they are read."""
    body = UNSEEN.sub("", html.partition("<main")[2] or html)
    blocks = re.split(r"\x00", BLOCK.sub("\x00", body))
    return [" ".join(unescape(re.sub(r"<[^>]+>", "", one)).split()) for one in blocks]


def find_holes(client, paths):
    """``[(path, sentence)]`` of the pages that have a hole."""
    found = []
    for path in paths:
        response = client.get(path)
        if response.status_code != 200 or "text/html" not in response.get("Content-Type", ""):
            continue
        text = response.content.decode()
        found += [(path, one) for one in list_sentences(text) if HOLES.search(one)]
    return found


def list_pages(ids):
    """The addresses of all pages with everything on them."""
    return list(dict.fromkeys(find_urls(pattern, ids)[0] for pattern in list_walked()))


def test_no_page_of_a_fresh_installation_has_a_hole(admin_client):
    assert find_holes(admin_client, list_pages({})) == []


def test_no_page_has_a_hole_whatever_is_empty_on_it():
    world = make_world()
    now = time.time_ns() // 1_000_000
    for topic, fields in {
        "bare.new": {},
        "bare.counted": {"aggregate": "rate_per_hour", "unit": "calls"},
        "bare.watched": {"expected_interval": 600, "window": 60},
    }.items():
        Kpi.objects.create(topic=topic, **fields)
    forget()
    send((now - 1000, 1.0), topic="bare.counted")
    make_threshold("bare.watched", now=now, title="", suggestion="")
    Threshold.objects.filter(kpi__topic="bare.watched").update(enabled=False)
    boss, judge = world.people["superuser"], User.objects.create_superuser("judge")
    rows = [propose(title=f"Bare {number}", suggestion="Look")[0] for number in range(3)]
    approve(pipeline=rows[0], by=judge, version=1)
    reject(pipeline=rows[1], by=judge, version=1, comment="no")
    let_all_work()
    client = Client()
    client.force_login(boss)
    pages = list_pages(world.ids)
    pages += [f"/kpis/{kpi.topic}/" for kpi in Kpi.objects.all()]
    pages += [
        f"/inbox/{row.pk}/{part}" for row in Pipeline.objects.all() for part in ("", "card/", "record/")
    ]
    assert find_holes(client, pages) == []
