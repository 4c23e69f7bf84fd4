"""What is deleted while somebody has its form open, or in the very moment of a request: no door breaks.

The row vanishes after each question in turn that a request asks for it, as where somebody else deletes it
between what is read and what is written.
"""

import re

import pytest
from django.apps import apps
from django.db import connection
from django.db.models import QuerySet
from django.db.transaction import atomic, set_rollback

from tests.forms import Form
from tests.test_every_write import list_writes, name_rows
from tests.visiting import TOPIC, find_kind, find_urls, make_world

pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.any_database]
KEPT = {"pipeline"}  # rows that nobody can delete
MOST = 12  # questions for one row that a request may ask


@pytest.fixture
def world():
    """One of everything, and who may look."""
    return make_world()


def list_forms(world):
    """``[(door, method, address, body, model, id)]`` of all that is sent about one row."""
    client = world.visitors["superuser"]
    models = {model._meta.model_name: model for model in apps.get_models()}
    for door, pattern, method, body, _ in list_writes():
        named = re.match(r"\w+?_app_(\w+)_", pattern.name)
        kind = named[1] if named and named[1] in models else find_kind(pattern.name)
        model, url = models.get(kind), find_urls(pattern, world.ids)[0]
        if model is None or not world.ids.get(kind) or kind in KEPT:
            continue
        if "_app_" in pattern.name:
            body = name_rows(body, world.ids, TOPIC)
        if pattern.name.endswith("_change"):
            body = Form(client.get(url).content.decode()).values | {"_save": "Save"}
        yield door, method, url, body, model, world.ids[kind]


class Vanishing:
    """A row that somebody deletes once it was asked for so often, unless it is held by then."""

    def __init__(self, model, pk, number):
        self.model, self.pk, self.number = model, pk, number
        self.asked, self.is_held, self.is_gone = 0, False, False
        table = re.escape(model._meta.db_table)
        self.reads = re.compile(rf'SELECT.* FROM "{table}"', re.DOTALL)
        self.writes = re.compile(rf'(UPDATE|DELETE FROM) "{table}"')

    def watch(self, execute, sql, params, many, context):
        """Counts what is asked for it; it goes before the next statement."""
        if self.asked >= self.number and not self.is_gone and not self.is_held:
            self.is_gone = True
            self.model._base_manager.filter(pk=self.pk).delete()
        # What a transaction has written nobody else deletes before it ends.
        self.is_held |= bool(self.writes.match(sql)) and not self.is_gone
        self.asked += bool(self.reads.match(sql))
        return execute(sql, params, many, context)

    def note_lock(self, rows, *args, **options):
        """In place of ``select_for_update``: nobody else deletes what is locked."""
        self.is_held |= rows.model is self.model and not self.is_gone
        return rows.all()


def send(client, form, vanishing, monkeypatch):
    """``(status, text)`` of a request during which the row vanishes; it is taken back."""
    _, method, url, body, *_ = form
    kind = {"content_type": "application/json"} if "/api/" in url else {}
    with monkeypatch.context() as patch, atomic():
        patch.setattr(QuerySet, "select_for_update", lambda rows, *args, **options: vanishing.note_lock(rows))
        with connection.execute_wrapper(vanishing.watch):
            response = getattr(client, method)(url, body, **kind)
        set_rollback(True)
    return response.status_code, response.content.decode(errors="replace") if not response.streaming else ""


def test_whatever_is_deleted_meanwhile_is_answered(world, monkeypatch):
    client, broken, seen = world.visitors["superuser"], [], 0
    client.raise_request_exception = False
    saved = 0
    for form in list_forms(world):
        for number in range(MOST):
            vanishing = Vanishing(*form[4:], number)
            status, text = send(client, form, vanishing, monkeypatch)
            seen += vanishing.is_gone
            if status >= 500:
                broken.append((form[0], number, status))
            if not vanishing.is_gone:
                saved += form[0].endswith("_change") and status == 302
                break
    assert broken == []
    assert seen > 100 and saved >= 6, "or nothing was tried"
