"""Nothing of what a group keeps to itself is told beside a proposal that everybody reads."""

import json

import pytest
from django.urls import reverse

from pipelines_app.models import Pipeline
from pipelines_app.services import propose, reject
from pipelines_app.urls import urlpatterns
from tests.doors import find_pattern, list_doors
from tests.pipelines_app.judging import SUGGESTION, TITLE, TOPIC, judge, make_effect

pytestmark = pytest.mark.django_db
REPEAT = {"title": TITLE, "suggestion": SUGGESTION, "topic": TOPIC}
# Where what is hidden would stand: comments, topics, records, warnings, counts.
MARKS = ("Hush", "er.hush", "once harmful", "Review the approach", "the last time", "Besides, ")


@pytest.fixture
def hidden(approver, second, group):
    """Of the group alone: one that did harm, one that was rejected, one of another title and KPI."""
    rows = [
        judge(approver, make_effect("harmful", 0.2, 0.01)),
        propose(**REPEAT | {"suggestion": "Pay twice"})[0],
        propose(title="Hush", suggestion="Hush", topic="er.hush")[0],
    ]
    for row in rows[1:]:
        reject(pipeline=row, by=second, version=1, comment="Hush")
    ids = [row.pk for row in rows]
    Pipeline.objects.filter(pk__in=ids).update(restricted_to=group)
    return ids


def read_doors(client, pipeline):
    """``{name: text}`` of all pages and addresses that answer about this proposal, or about all."""
    names = [pattern.name for pattern in urlpatterns]
    names += [door.name for door in list_doors("pipelines_app.api") if door.method == "get"]
    found = {}
    for name in names:
        wanted = find_pattern(name).pattern.converters
        response = client.get(reverse(name, kwargs=dict.fromkeys(wanted, pipeline.pk)))
        if response.status_code == 200:
            found[name] = response.content.decode()
    return found


def test_no_door_tells_others_of_it_and_the_group_reads_it_at_each(hidden, client, second, member):
    present = propose(**REPEAT)[0]
    client.force_login(second)
    told = read_doors(client, present)
    assert len(told) == 11, list(told)
    for name, text in told.items():
        assert [mark for mark in MARKS if mark in text] == [], name
        assert [pk for pk in hidden if f"/inbox/{pk}/" in text] == [], name
    assert "The first of its kind." in told["pipeline_card"] and "Never approved" in told["pipeline_record"]
    answer = json.loads(told["api_pipeline"])
    assert (answer["history"]["total"], answer["record"]["text"]) == (0, "")
    client.force_login(member)
    whole = read_doors(client, present)
    assert [mark for mark in MARKS if mark not in whole["pipeline_detail"] + whole["inbox_decided"]] == []
    assert json.loads(whole["api_pipeline"])["history"]["total"] == 2
