"""A form of the admin that stood open while somebody else changed its row undoes nothing of that."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.contrib import admin
from django.utils import timezone

from metrics_app.models import Kpi, Receiver, Silence
from tests.forms import Form
from tests.visiting import make_world

pytestmark = [pytest.mark.django_db, pytest.mark.slow]
# Of each kind: what somebody else stores, what the reader of the older page enters, a field of text.
KINDS = {
    "metrics_app.kpi": ({"restricted": False, "unit": "seconds"}, {"description": "mine"}, "name"),
    "metrics_app.receiver": ({"enabled": False, "severities": ["critical"]}, {"zone": "Asia/Tokyo"}, "name"),
    "metrics_app.silence": ({"ends_at": timezone.now() + timedelta(days=9)}, {"topic": "*"}, "reason"),
    "metrics_app.apikey": ({"topics": ["emu.*"]}, {"name": "mine"}, "name"),
    "pipelines_app.policy": ({"quorum": 2, "severity": "critical"}, {"rank": "7"}, "name"),
}

OWN = {"version", "updated_at", "author_id"}  # what saving sets by itself: a silence is whose saved it


@pytest.fixture
def world():
    """One of everything."""
    return make_world()


def load(world, label):
    """``(model, row's number, address, what its page sends)``."""
    model = apps.get_model(label)
    number = world.ids[model._meta.model_name]
    url = f"/admin/{label.replace('.', '/')}/{number}/change/"
    return model, number, url, read_form(world.visitors["superuser"].get(url))


def read_form(response):
    """What a browser sends of a page."""
    return Form(response.content.decode()).values | {"_save": "Save"}


def read_row(model, number):
    """``{field: value}`` as stored, without what saving writes by itself."""
    row = model.objects.values().get(pk=number)
    return {name: value for name, value in row.items() if name not in OWN}


@pytest.mark.parametrize("label", KINDS)
def test_what_was_left_alone_stays_as_it_is_stored(world, label):
    theirs, mine, _ = KINDS[label]
    model, number, url, page = load(world, label)
    model.objects.filter(pk=number).update(**theirs)
    before = read_row(model, number)
    answer = world.visitors["superuser"].post(url, page | mine, follow=True)
    text = answer.content.decode()
    assert answer.redirect_chain and "Somebody else changed this meanwhile, and it stays so: " in text, text
    changed = {name for name, value in read_row(model, number).items() if value != before[name]}
    assert changed == set(mine)


@pytest.mark.parametrize("label", KINDS)
def test_a_field_that_both_changed_is_asked_again_with_what_it_is_now(world, label):
    field = KINDS[label][2]
    model, number, url, page = load(world, label)
    model.objects.filter(pk=number).update(**{field: "theirs"})
    before, client = read_row(model, number), world.visitors["superuser"]
    answer = client.post(url, page | {field: "mine"})
    assert "Changed meanwhile by somebody else, to “theirs”. What you entered is not saved." in (
        answer.content.decode()
    )
    assert answer.status_code == 200 and read_row(model, number) == before
    assert client.post(url, read_form(answer)).status_code == 302
    assert read_row(model, number)[field] == "mine"


@pytest.mark.parametrize("label", KINDS)
def test_what_nobody_else_changed_is_saved_as_ever(world, label):
    model, number, url, page = load(world, label)
    before = read_row(model, number)
    answer = world.visitors["superuser"].post(url, page, follow=True)
    assert answer.redirect_chain and "meanwhile" not in answer.content.decode()
    assert read_row(model, number) == before


def test_a_silence_that_was_ended_is_not_begun_again_by_a_page_from_before(world):
    model, number, url, page = load(world, "metrics_app.silence")
    client = world.visitors["superuser"]
    assert client.delete(f"/api/v1/silences/{number}/").status_code in (200, 204)
    ended = Silence.objects.get(pk=number).ends_at
    client.post(url, page | {"reason": "typo mended"})
    assert Silence.objects.get(pk=number).ends_at == ended


def test_a_restriction_outlives_a_page_from_before_it(world):
    kpi = Kpi.objects.get(pk=world.ids["kpi"])
    Kpi.objects.filter(pk=kpi.pk).update(restricted=False, owner=None)
    _, _, url, page = load(world, "metrics_app.kpi")
    Kpi.objects.filter(pk=kpi.pk).update(restricted=True, owner=world.group)
    answer = world.visitors["superuser"].post(url, page | {"description": "mine"}, follow=True)
    assert "Owner (now “owners”) and Restricted (now yes)." in answer.content.decode()
    kpi.refresh_from_db()
    assert (kpi.restricted, kpi.owner, kpi.description) == (True, world.group, "mine")
    # Made open data here, restricted there: told as what it is.
    Kpi.objects.filter(pk=kpi.pk).update(restricted=False)
    _, _, url, page = load(world, "metrics_app.kpi")
    Kpi.objects.filter(pk=kpi.pk).update(restricted=True)
    answer = world.visitors["superuser"].post(url, page | {"open_data": "on"})
    assert "A restricted KPI cannot be open data" in answer.content.decode()


def test_a_page_that_says_not_what_it_showed_is_taken_as_it_was_sent(world):
    _, number, url, page = load(world, "metrics_app.receiver")
    Receiver.objects.filter(pk=number).update(enabled=False)
    client = world.visitors["superuser"]
    assert "This page is damaged" in client.post(url, page | {"seen": "[1]"}).content.decode()
    assert client.post(url, page | {"seen": ""}).status_code == 302
    assert Receiver.objects.get(pk=number).enabled


def test_every_form_of_the_admin_knows_what_its_reader_has_seen(world):
    client, forms = world.visitors["superuser"], {}
    for model in admin.site._registry:
        label, number = model._meta.label_lower, world.ids.get(model._meta.model_name)
        if label.split(".")[0] in ("metrics_app", "pipelines_app") and number:
            answer = client.get(f"/admin/{label.replace('.', '/')}/{number}/change/")
            if 'name="_save"' in answer.content.decode():
                forms[label] = bool(read_form(answer).get("seen"))
    assert set(forms) == {*KINDS, "metrics_app.threshold"}
    assert all(forms.values()), forms
