"""Keys in the admin: shown once, revoked, never deleted."""

import re

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, Permission, User

from metrics_app.exceptions import BadInput
from metrics_app.keyring import find_key
from metrics_app.models import ApiKey, Kpi, Receiver
from metrics_app.registry import forget, who_is
from metrics_app.services.keys import create_key
from metrics_app.services.visibility import limit_to_groups

pytestmark = pytest.mark.django_db

LIST = "/admin/metrics_app/apikey/"


@pytest.fixture(autouse=True)
def admin(admin_client):
    return admin_client


def add(admin, **wanted):
    return admin.post(f"{LIST}add/", {"name": "hospital", "scopes": ["emit"], "topics": ""} | wanted)


def test_a_new_key_is_shown_exactly_once(admin):
    page = add(admin, topics="er.*\n\n complaint.latency ")
    assert page.status_code == 200
    assert "no-store" in page["Cache-Control"]
    (raw,) = set(re.findall(r"hms_[A-Za-z0-9_-]{43}", page.content.decode()))
    key = ApiKey.objects.get()
    assert find_key(raw).id == key.pk
    assert (key.scopes, key.topics, key.created_by.username) == (
        ["emit"],
        ["er.*", "complaint.latency"],
        "admin",
    )
    for url in (LIST, f"{LIST}{key.pk}/change/", f"{LIST}{key.pk}/history/"):
        assert raw not in admin.get(url).content.decode()
    assert raw not in str(admin.session.items()) and raw not in str(admin.cookies)


def test_a_key_that_proposes_lists_the_actions_it_may_name(admin):
    page = add(admin, scopes=["propose"], actions=["mail"])
    assert page.status_code == 200 and find_key(read_raw(page)).actions == ("mail",)
    key = ApiKey.objects.get()
    change = admin.get(f"{LIST}{key.pk}/change/").content.decode()
    assert 'value="mail"' in change and 'value="webhook"' in change


def read_raw(page):
    return re.search(r"hms_[A-Za-z0-9_-]{43}", page.content.decode())[0]


@pytest.mark.parametrize(
    ("scopes", "action", "why"),
    [(["emit"], "mail", "scope propose"), (["propose"], "launch", "Select a valid choice")],
)
def test_other_actions_of_a_key_are_refused(admin, scopes, action, why):
    assert why in add(admin, scopes=scopes, actions=[action]).content.decode()
    assert not ApiKey.objects.exists()


def test_an_action_that_does_not_exist_is_refused_by_name():
    with pytest.raises(BadInput, match="'launch' is no action: expected one of mail"):
        create_key(name="a", scopes=["propose"], actions=["launch"])


def test_the_page_of_a_new_key_copies_it_without_an_inline_script(admin):
    page = add(admin).content.decode()
    assert 'data-copy="raw-key"' in page and "metrics_app/copy.js" in page
    assert all("src=" in tag or "application/json" in tag for tag in re.findall(r"<script[^>]*>", page))


def test_a_hash_is_shown_by_its_beginning(admin):
    key, _ = create_key(name="a", scopes=["emit"])
    page = admin.get(f"{LIST}{key.pk}/change/").content.decode()
    assert f'title="{key.hash}">{key.hash[:12]}…' in page


def test_a_form_sent_twice_makes_one_key(admin):
    add(admin)
    assert "was made already" in add(admin).content.decode()
    assert ApiKey.objects.count() == 1


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ({"scopes": []}, "This field is required"),
        ({"scopes": ["partner", "read"]}, "opens /mkt/ only"),
        ({"scopes": ["root"]}, "not one of the available choices"),
        ({"topics": "er wait"}, "is not a topic"),
        ({"name": ""}, "This field is required"),
    ],
)
def test_it_refuses_what_makes_no_key(admin, wanted, message):
    assert message in add(admin, **wanted).content.decode()
    assert not ApiKey.objects.exists()


def test_scopes_are_boxes_to_tick(admin):
    page = admin.get(f"{LIST}add/").content.decode()
    assert page.count('type="checkbox" name="scopes"') == 4


def test_a_key_can_be_changed_but_not_its_hash(admin):
    key, raw = create_key(name="old", scopes=["emit"])
    group = Group.objects.create(name="g")
    wanted = {"name": "new", "scopes": ["emit", "read"], "topics": "er.*", "group": group.pk, "hash": "x"}
    assert admin.post(f"{LIST}{key.pk}/change/", wanted).status_code == 302
    who = find_key(raw)
    assert (who.name, who.scopes, who.topics, who.groups) == ("new", {"emit", "read"}, ("er.*",), {group.pk})


def test_the_button_revokes(admin):
    key, raw = create_key(name="old", scopes=["emit"])
    assert "Revoke this key" in admin.get(f"{LIST}{key.pk}/change/").content.decode()
    admin.post(f"{LIST}{key.pk}/change/", {"name": "old", "scopes": ["emit"], "_revoke": "Revoke"})
    assert find_key(raw) is None
    assert "Revoke this key" not in admin.get(f"{LIST}{key.pk}/change/").content.decode()
    assert LogEntry.objects.filter(object_id=key.pk, change_message="Revoked.").count() == 1


def test_the_action_revokes_many(admin):
    keys = [create_key(name=name, scopes=["emit"]) for name in "abc"]
    chosen = [key.pk for key, _ in keys[:2]]
    admin.post(LIST, {"action": "revoke", "_selected_action": chosen})
    assert [find_key(raw) is None for _, raw in keys] == [True, True, False]
    assert ApiKey.objects.filter(revoked_at=None).count() == 1


def test_a_key_is_never_deleted(admin):
    key, _ = create_key(name="a", scopes=["emit"])
    assert admin.post(f"{LIST}{key.pk}/delete/", {"post": "yes"}).status_code == 403
    admin.post(LIST, {"action": "delete_selected", "_selected_action": [key.pk], "post": "yes"})
    assert ApiKey.objects.exists()


@pytest.mark.parametrize(
    ("query", "names"),
    [("", {"hospital", "police"}), ("state=valid", {"hospital"}), ("state=revoked", {"police"})],
)
def test_the_list_filters_and_searches(admin, query, names):
    create_key(name="hospital", scopes=["partner"])
    create_key(name="police", scopes=["read"], topics=["er.*"])
    ApiKey.objects.filter(name="police").update(revoked_at="2024-11-24T00:00Z")
    page = admin.get(f"{LIST}?{query}")
    assert {key.name for key in page.context["cl"].queryset} == names
    assert admin.get(f"{LIST}?q=hospital").context["cl"].result_count == 1


def test_who_may_only_look_cannot_revoke(client):
    key, raw = create_key(name="a", scopes=["emit"])
    viewer = User.objects.create_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_apikey"))
    client.force_login(viewer)
    assert "Revoke" not in client.get(f"{LIST}{key.pk}/change/").content.decode()
    client.post(f"{LIST}{key.pk}/change/", {"name": "a", "scopes": ["emit"], "_revoke": "Revoke"})
    client.post(LIST, {"action": "revoke", "_selected_action": [key.pk]})
    assert find_key(raw)


def test_staff_give_a_key_only_what_they_may_do_themselves(client):
    staff = User.objects.create_user("staff", is_staff=True)
    names = ("add_apikey", "change_apikey", "view_apikey")
    staff.user_permissions.set(Permission.objects.filter(codename__in=names))
    client.force_login(staff)
    assert (
        "needs somebody with pipelines_app.add_pipeline" in add(client, scopes=["propose"]).content.decode()
    )
    assert add(client, scopes=["emit"]).status_code == 200
    key = ApiKey.objects.get()
    form = {"name": "hospital", "scopes": ["emit", "propose"], "topics": "", "connections": 5}
    page = client.post(f"{LIST}{key.pk}/change/", form).content.decode()
    assert "needs somebody with pipelines_app.add_pipeline" in page
    key.refresh_from_db()
    assert key.scopes == ["emit"]
    ApiKey.objects.update(scopes=["emit", "propose"])
    answer = client.post(f"{LIST}{key.pk}/change/", form | {"name": "clinic"})
    assert answer.status_code == 302 and ApiKey.objects.get().name == "clinic"


@pytest.mark.parametrize("model", [ApiKey, Receiver])
def test_neither_ones_own_nor_those_of_others_tell_whether_a_name_is_a_kpi_of_others(model):
    mine, theirs = Group.objects.create(name="mine"), Group.objects.create(name="theirs")
    ann, bob = (User.objects.create_user(name, is_staff=True) for name in ("ann", "bob"))
    ann.groups.add(mine)
    Kpi.objects.create(topic="quoll.numbat", restricted=True, owner=theirs)
    Kpi.objects.create(topic="er.wait")
    forget()
    names = {"nobody": ["quoll.nobody"], "numbat": ["quoll.numbat"], "wait": ["er.wait"], "wide": ["quoll.*"]}
    for name, topics in names.items():
        for number, (maker, group) in enumerate([(ann, None), (bob, None), (bob, mine), (bob, theirs)]):
            unique = {"hash": f"{name}{number}"} if model is ApiKey else {}
            model.objects.create(
                name=f"{name}{number}", topics=topics, created_by=maker, group=group, **unique
            )
    seen = {row.name for row in limit_to_groups(model.objects.all(), who_is(ann))}
    assert seen == {f"{name}{number}" for name in names for number in (0, 2)} | {"wait1", "wide1"}
    assert not limit_to_groups(model.objects.all(), None).exists()


def test_whoever_makes_a_key_that_names_a_topic_of_others_finds_and_revokes_it(client):
    Kpi.objects.create(topic="quoll.numbat", restricted=True, owner=Group.objects.create(name="theirs"))
    forget()
    staff = User.objects.create_user("staff", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(codename__endswith="_apikey"))
    client.force_login(staff)
    pages = {}
    for name in ("nobody", "numbat"):
        assert add(client, name=name, topics=f"quoll.{name}").status_code == 200
        again = add(client, name=name, topics="er.wait").content.decode()
        key = ApiKey.objects.get(name=name)
        assert f"made already: {key.prefix}" in again
        pages[name] = client.get(f"{LIST}{key.pk}/change/").status_code
        client.post(LIST, {"action": "revoke", "_selected_action": [key.pk]})
    assert pages == {"nobody": 200, "numbat": 200}
    assert client.get(LIST).context["cl"].result_count == 2
    assert not ApiKey.objects.filter(revoked_at=None).exists()
