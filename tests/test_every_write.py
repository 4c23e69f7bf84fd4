"""Whoever may not see a restricted KPI changes nothing of it at any address, and learns nothing by trying.

``pytest -s tests/test_every_write.py`` prints who gets what. A new address that takes POST, PATCH or
DELETE, a new page of the admin or a new command fails here until it is listed.
"""

import re

import pytest
from django.contrib import admin
from django.core.management import get_commands
from django.db import connection
from django.db.transaction import atomic, set_rollback

from metrics_app.models import ApiKey, Breach, Correction, Kpi, Note, Receiver, Silence, Threshold
from pipelines_app.models import Decision, Pipeline, Version
from tests.doors import METHODS
from tests.visiting import (
    ABSENT,
    KEYS,
    MARKS,
    NO_TOPIC,
    PEOPLE,
    SEES,
    TOPIC,
    find_urls,
    list_walked,
    make_world,
)

# Its questions of SQL are those of the tests of each door.
pytestmark = [pytest.mark.django_db, pytest.mark.slow, pytest.mark.any_database]

RULE = {"topic": TOPIC, "aggregate": "mean", "window": 60, "operator": "gt", "limit": 1}
SPAN = {"start": -7200, "end": -3600, "reason": "x"}
VOTE = {"version": 1, "comment": "x"}
# What is sent to each address of the API that writes; its topic is that of the restricted KPI.
BODIES = {
    "post points": {"topic": TOPIC},
    "post stream_tickets": {"topics": [TOPIC]},
    "post note_list": {"topic": TOPIC, "text": "x"},
    "patch note_detail": {"text": "x"},
    "delete note_detail": {},
    "post correction_list": {"topic": TOPIC} | SPAN,
    "post correction_restore": {"reason": "x"},
    "post threshold_list": RULE,
    "patch threshold_detail": {"limit": 5},
    "delete threshold_detail": {},
    "post backtest_draft": RULE,
    "post silence_list": {"topic": TOPIC, "ends_at": "2999-01-01T00:00:00Z", "reason": "x"},
    "delete silence_detail": {},
    "post api_pipelines": {"title": "x", "suggestion": "x", "kpi": 1, "topic": TOPIC},
    "post api_pipeline_approve": VOTE,
    "post api_pipeline_reject": VOTE,
    "post api_pipeline_withdraw": VOTE,
    "post api_pipeline_change": {"version": 1, "suggestion": "x"},
    "post api_pipeline_undo": {"version": 1},
    "post api_pipeline_confirm": {"version": 1, "day": "2026-11-28"},
    "post api_pipeline_fail": VOTE,
    "post api_pipeline_retry": {"version": 1},
    "post api_pipeline_close": VOTE,
}
# Of what was approved: 409 for whoever may see the proposal, which waits.
LATER = {f"post api_pipeline_{name}" for name in ("undo", "confirm", "fail", "retry", "close")}
# Pages that take a form.
FORMS = {
    "kpi_notes": {"text": "x"},
    "pipeline_decide": {"vote": "withdraw", "version": 1, "comment": "x"},
    "metrics_app_threshold_import": {"text": f"kpis: {{{TOPIC}: {{}}}}"},
    "metrics_app_threshold_backtest": {},
    "metrics_app_threshold_suggest": {},
}
WITHOUT_TOPIC = {
    "api_delegations": "seats belong to no topic",
    "api_delegation": "seats belong to no topic",
    "inbox_delegations": "seats belong to no topic",
    "login": "takes a name and a password",
    "password_change": "takes one's own password",
    "complaints_demo": "makes up complaints, which are open",
}
# By a name alone: a key's own list, which its owner knows, and names that are not free.
BY_NAME = {
    ("post stream_tickets", "partner"): "the topic is on the key's own list",
    ("metrics_app_kpi_add", "staff"): "test_a_name_that_is_somebody_elses_is_told_of_in_one_sentence",
    ("metrics_app_threshold_import", "staff"): "the same",
}
# Whoever has a shell has the database: what commands tell is for them. A new one is thought about here.
COMMANDS = """
    archive backtest backup build_assets check_ready collect compact_history demo doctor emit export_audit
    export_history export_thresholds import_points import_thresholds move_database prepare_demo replay restore
    run seed_demo simulate_traffic stop_actions test_thresholds verify_audit wait_until_ready watch_process
"""
KEPT = (Kpi, Threshold, Breach, Note, Correction, Silence, Receiver, ApiKey, Pipeline, Version, Decision)
TABLES = "|".join(model._meta.db_table for model in KEPT)
WRITES = re.compile(f'(INSERT|UPDATE|DELETE)[^"]*"({TABLES})"')


@pytest.fixture
def world():
    """A restricted KPI with one of everything, an open one beside it, and who may look."""
    return make_world()


def list_writes():
    """``[(door, pattern, method, body, visitors)]`` of everything that may write about a topic."""
    everybody, people = [*PEOPLE, *KEYS], ["outsider", "staff", "superuser"]
    found = []
    for pattern in list_walked():
        view = getattr(pattern.callback, "cls", None)
        if pattern.name in WITHOUT_TOPIC or NO_TOPIC.search(pattern.name):
            continue
        for method in METHODS[1:] if view else ():
            if hasattr(view, method):
                door = f"{method} {pattern.name}"
                found.append((door, pattern, method, BODIES[door], everybody))
        if pattern.name in FORMS:
            found.append((pattern.name, pattern, "post", FORMS[pattern.name], people))
        elif re.match(r"(metrics|pipelines)_app_\w+_(add|change|delete|changelist)", pattern.name):
            found += list_forms(pattern)
    return found


def list_forms(pattern):
    """The forms of a page of the admin: to add, change or delete a row, and each action of a list."""
    app, name, what = re.match(r"(\w+?_app)_(\w+)_(\w+)", pattern.name).groups()
    if what != "changelist":
        yield pattern.name, pattern, "post", {"post": "yes"}, ["staff"]
        return
    its_admin = next(one for model, one in admin.site._registry.items() if label(model) == f"{app}_{name}")
    for action in [*(getattr(one, "__name__", one) for one in its_admin.actions or ()), "delete_selected"]:
        body = {"action": action, "post": "yes", "reason": "x", "_selected_action": name}
        yield f"{pattern.name} {action}", pattern, "post", body, ["staff"]


def label(model):
    """``metrics_app_kpi``."""
    return model._meta.label_lower.replace(".", "_")


def try_it(client, method, url, body):
    """``(status, text, whether rows were written)`` of a request that is taken back."""
    kind = {"content_type": "application/json"} if "/api/" in url else {}
    wrote = []

    def watch(execute, sql, params, many, context):
        if WRITES.match(sql):
            wrote.append(sql)
        return execute(sql, params, many, context)

    with atomic(), connection.execute_wrapper(watch):
        response = getattr(client, method)(url, body, **kind)
        told = b"".join(response.streaming_content) if response.streaming else response.content
        set_rollback(True)
    text = f"{response.get('Location', '')} {told.decode(errors='replace')}"
    text = re.sub(r'(csrfmiddlewaretoken" value|nonce|name="now" content|data-now)="[^"]*"', "", text)
    text = re.sub(r'data-field="clock">[^<]*', "", text)
    client.cookies.pop("messages", None)
    return response.status_code, text, bool(wrote)


def name_rows(body, ids, topic):
    """The body of a form with the rows it may name: the restricted ones, or none that is there."""
    named = {"_selected_action": ids.get(body.get("_selected_action"), 1)} if "action" in body else {}
    named |= {"topic": topic, "kpi": ids["kpi"], "threshold": ids["threshold"], "breach": ids["breach"]}
    return body | named


def walk(world):
    """``{door: {visitor: (status, marks, whether it wrote something, whether it is answered alike)}}``."""
    found, absent_ids = {}, dict.fromkeys(world.ids, ABSENT["id"])
    for door, pattern, method, body, visitors in list_writes():
        there, absent = find_urls(pattern, world.ids)
        bodies = [body, {name: swap(value) for name, value in body.items()}]
        if "_app_" in pattern.name and pattern.name not in FORMS:
            bodies = [name_rows(body, world.ids, TOPIC), name_rows(body, absent_ids, ABSENT["topic"])]
        cells = found[door] = {}
        for name in visitors:
            client = world.visitors[name]
            status, text, wrote = try_it(client, method, there, bodies[0])
            marks, alike = [mark for mark in MARKS if mark in text.replace(TOPIC, "")], True
            # Who is let in nowhere learns nothing anywhere.
            if status != 401 and name not in SEES and (door, name) not in BY_NAME:
                other, told, _ = try_it(client, method, absent, bodies[1])
                alike = (status, text) == (other, rename(told, absent, there))
            cells[name] = status, marks, wrote, alike
    return found


def rename(text, absent, there):
    """What was said of what is not there, with the names of what is."""
    for one, other in zip(absent.split("/"), there.split("/"), strict=True):
        text = text.replace(one, other) if one != other else text
    return text.replace(ABSENT["topic"], TOPIC)


def swap(value):
    """The value about a topic that is not there."""
    if isinstance(value, list):
        return [swap(one) for one in value]
    return value.replace(TOPIC, ABSENT["topic"]) if isinstance(value, str) else value


def write_table(found):
    """Persons and keys across, doors down; each as ``tell_cell`` writes it."""
    names = [*PEOPLE, *KEYS]
    lines = [f"{'door':60}" + " ".join(f"{name[:9]:>9}" for name in names)]
    for door, cells in found.items():
        told = [tell_cell(cells[name]) if name in cells else "·" for name in names]
        lines.append(f"{door[:59]:60}" + " ".join(f"{one:>9}" for one in told))
    return "\n".join([*lines, f"{len(found)} doors that write, {len(names)} visitors"])


def tell_cell(cell):
    """``404``; with a star where something restricted is shown, and a plus where rows were written."""
    return f"{cell[0]}{'*' if cell[1] else ''}{'+' if cell[2] else ''}"


def test_nobody_outside_changes_anything_of_it_nor_learns_by_trying_that_it_is_there(world):
    found = walk(world)
    print("\n" + write_table(found))
    cells = [(door, name, cell) for door, row in found.items() for name, cell in row.items()]
    outside = [one for one in cells if one[1] not in SEES]
    assert [one for one in outside if one[2][1]] == [], "what is restricted is told"
    assert [one for one in outside if one[2][2]] == [], "something was written"
    assert [one[:2] for one in outside if not one[2][3]] == [], "what is not there is answered otherwise"
    assert [one for one in cells if one[2][0] >= 500] == []
    # The walk would see it: what is sent does something where one may.
    assert BODIES.keys() - {door for door, _, cell in cells if cell[0] < 300} == LATER


def test_every_address_that_takes_a_form_is_walked(world):
    """Whatever answers something else than 405 to a POST."""
    known = {pattern.name for _, pattern, *_ in list_writes()} | set(WITHOUT_TOPIC)
    for pattern in list_walked():
        if pattern.name in known or NO_TOPIC.search(pattern.name) or hasattr(pattern.callback, "cls"):
            continue
        # An admin page without a form of its own, and those that only show.
        status = world.visitors["superuser"].post(find_urls(pattern, world.ids)[0]).status_code
        is_djangos = pattern.callback.__module__.startswith("django.contrib.admin")
        assert status == 405 or is_djangos, (pattern.name, status)


def test_every_command_is_known():
    apps = ("metrics_app", "pipelines_app", "hms_gov")
    assert {name for name, app in get_commands().items() if app.startswith(apps)} == set(COMMANDS.split())
