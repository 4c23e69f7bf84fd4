"""Receivers in the admin: faults at their fields, a test at once, groups kept apart."""

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core import mail

from metrics_app.admin.cells import write_time
from metrics_app.models import Notice, Receiver
from metrics_app.services.notices import send_notices
from tests.metrics_app.telling import allow, happen, later, make_receiver, open_breach, serve

pytestmark = pytest.mark.django_db
LIST = "/admin/metrics_app/receiver/"
FORM = {
    "name": "Duty officers",
    "kind": "mail",
    "addresses": "duty@example.org\n\nhead@example.org",
    "webhook": "",
    "severities": ["critical"],
    "events": ["firing", "recovered"],
    "topics": "complaint.*",
    "group": "",
    "zone": "Europe/Berlin",
    "group_wait": "30 s",
    "repeat_after": "4 h",
    "enabled": "on",
}


@pytest.fixture
def analyst(client):
    """Somebody who may set up receivers, a member of ``owners``."""
    user = User.objects.create_user("ann", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(content_type__app_label="metrics_app", codename__contains="receiver")
    )
    user.groups.add(Group.objects.create(name="owners"))
    client.force_login(user)
    return user


def messages(page):
    return [str(message) for message in page.context["messages"]]


def test_a_receiver_is_set_up_in_words_that_people_use(admin_client):
    assert admin_client.post(f"{LIST}add/", FORM).status_code == 302
    row = Receiver.objects.get()
    assert (row.addresses, row.topics) == (["duty@example.org", "head@example.org"], ["complaint.*"])
    assert (row.severities, row.events) == (["critical"], ["firing", "recovered"])
    assert (row.group_wait, row.repeat_after, row.zone) == (30, 14_400, "Europe/Berlin")
    assert row.created_by.username == "admin"
    page = admin_client.get(f"{LIST}{row.pk}/change/").content.decode()
    assert "4 h" in page and "duty@example.org\nhead@example.org" in page and "nothing sent yet" in page
    assert "complaint.*" in admin_client.get(LIST).content.decode()


def test_a_new_one_begins_with_everything_chosen_and_a_short_wait(admin_client):
    form = admin_client.get(f"{LIST}add/").context["adminform"].form
    assert form["severities"].value() == ["info", "warning", "critical"]
    assert form["events"].value() == ["firing", "reopened", "recovered", "data"]
    assert form["group_wait"].value() == "30 s"


@pytest.mark.parametrize(
    ("wrong", "field", "message"),
    [
        ({"addresses": ""}, "addresses", "write 1 to 50 mail addresses"),
        ({"addresses": "duty"}, "addresses", "'duty' is not a mail address"),
        ({"addresses": "a@example.org, b@example.org"}, "addresses", "is not a mail address"),
        ({"addresses": "\n".join(f"a{n}@example.org" for n in range(51))}, "addresses", "write 1 to 50"),
        ({"kind": "webhook"}, "webhook", "is no webhook of the settings (none yet"),
        ({"severities": []}, "severities", "This field is required"),
        ({"events": ["everything"]}, "events", "not one of the available choices"),
        ({"topics": "Complaint Latency"}, "topics", "is not a topic"),
        ({"zone": "Berlin"}, "zone", "is no time zone"),
        ({"group_wait": "2 h"}, "group_wait", "at most one hour"),
        ({"group_wait": "soon"}, "group_wait", "soon"),
        ({"repeat_after": "5 s"}, "repeat_after", "expected 1 min to 31 days"),
        ({"name": ""}, "name", "This field is required"),
    ],
)
def test_it_names_the_field_and_what_is_expected(admin_client, wrong, field, message):
    page = admin_client.post(f"{LIST}add/", FORM | wrong)
    assert page.status_code == 200
    errors = page.context["adminform"].form.errors
    assert list(errors) == [field] and message in str(errors[field]).replace("&#x27;", "'")
    assert not Receiver.objects.exists()


def test_two_receivers_have_two_names(admin_client):
    make_receiver()
    assert (
        "This name cannot be used: choose another name."
        in admin_client.post(f"{LIST}add/", FORM).content.decode()
    )


def test_a_webhook_is_chosen_by_its_name(admin_client, settings):
    allow(settings, "https://example.org/hook")
    page = admin_client.get(f"{LIST}add/").content.decode()
    assert '<option value="pager">' in page and "example.org" not in page and "whsec" not in page
    admin_client.post(f"{LIST}add/", FORM | {"kind": "webhook", "webhook": "pager", "addresses": ""})
    assert Receiver.objects.get().webhook == "pager"


def test_each_kind_says_what_it_wants_and_one_that_is_gone_stays_in_sight(admin_client):
    row = make_receiver()
    Receiver.objects.update(kind="siren")
    page = admin_client.get(f"{LIST}{row.pk}/change/").content.decode()
    assert "Mail: Mail addresses, one per line." in page and "Signed webhook: The site" in page
    assert '<option value="siren" selected>' in page
    assert "siren, which the settings do not name" in admin_client.get(LIST).content.decode()
    page = admin_client.post(f"{LIST}{row.pk}/change/", FORM | {"kind": "siren"}).content.decode()
    assert "is not one of mail, webhook" in page


def test_the_button_saves_and_sends_a_test_and_says_what_came_of_it(admin_client, settings):
    page = admin_client.post(f"{LIST}add/", FORM | {"_test": "1"}, follow=True)
    row = Receiver.objects.get()
    assert page.redirect_chain == [(f"{LIST}{row.pk}/change/", 302)]
    assert messages(page) == ["A test notice went to Duty officers."]
    assert mail.outbox[0].subject == "– Test: notices to this receiver arrive"
    assert "✓ works" in page.content.decode()
    with serve(500) as server:
        allow(settings, server.url)
        form = FORM | {"kind": "webhook", "webhook": "pager", "addresses": "", "_test": "1"}
        page = admin_client.post(f"{LIST}{row.pk}/change/", form, follow=True)
    assert messages(page) == ["The test to Duty officers did not arrive: answered 500: ok"]
    assert "✕ failed" in page.content.decode()
    assert [notice.outcome for notice in Notice.objects.order_by("pk")] == ["sent", "failed"]


def test_one_that_is_down_says_since_when_what_waits_and_when_it_is_tried_next(admin_client, base, settings):
    with serve(503, body=b"busy") as server:
        allow(settings, server.url)
        row = make_receiver("Pager", kind="webhook", webhook="pager", addresses=[])
        for n in range(2):
            happen(open_breach(f"topic.{n}", fired_at=base))
        pages = [admin_client.get(LIST).content.decode()]
        send_notices()
        send_notices(now=later(seconds=6))
        row.refresh_from_db()
        pages += [admin_client.get(at).content.decode() for at in (LIST, f"{LIST}{row.pk}/change/")]
    assert "2 notices waiting<" in pages[0] and "down" not in pages[0]
    for page in pages[1:]:
        assert f"✕ down since {write_time(row.down_since)}, 2 attempts failed, the last" in page
        assert f"2 notices waiting, next try {write_time(row.try_after)}" in page
    assert "answered 503: busy" in pages[2]


def test_the_action_tests_many(admin_client):
    rows = [make_receiver(name) for name in ("a", "b", "c")]
    chosen = [row.pk for row in rows[:2]]
    page = admin_client.post(LIST, {"action": "test", "_selected_action": chosen}, follow=True)
    assert messages(page) == ["A test notice went to a.", "A test notice went to b."]
    assert len(mail.outbox) == 2


def test_where_a_groups_notices_go_is_for_its_people_to_decide(client, analyst):
    owners, others = analyst.groups.get(), Group.objects.create(name="others")
    foreign, own = make_receiver("foreign", group=others), make_receiver("own", group=owners)
    page = client.get(LIST).content.decode()
    assert "own" in page and "foreign" not in page
    assert client.get(f"{LIST}{foreign.pk}/change/").status_code == 302
    wanted = FORM | {"name": "own", "group": others.pk}
    assert "Select a valid choice" in client.post(f"{LIST}{own.pk}/change/", wanted).content.decode()
    client.post(f"{LIST}{own.pk}/change/", FORM | {"name": "renamed", "group": owners.pk})
    own.refresh_from_db()
    assert (own.name, own.group) == ("renamed", owners)
    client.post(LIST, {"action": "test", "_selected_action": [foreign.pk]})
    assert not mail.outbox


def test_who_may_only_look_neither_changes_nor_tests(client, analyst):
    analyst.user_permissions.set(Permission.objects.filter(codename="view_receiver"))
    row = make_receiver()
    page = client.get(f"{LIST}{row.pk}/change/").content.decode()
    assert "duty@example.org" in page and "_test" not in page
    assert client.post(f"{LIST}{row.pk}/change/", FORM | {"_test": "1"}).status_code == 403
    client.post(LIST, {"action": "test", "_selected_action": [row.pk]})
    assert not mail.outbox and client.get(f"{LIST}add/").status_code == 403


def test_notices_are_listed_with_their_outcome_and_tried_again(admin_client, base, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"NOTICE_ATTEMPTS": 1}
    make_receiver("Pager", kind="mail")
    breach = open_breach(fired_at=base)
    happen(breach)
    Receiver.objects.update(kind="webhook")
    send_notices()
    notice = Notice.objects.get()
    page = admin_client.get("/admin/metrics_app/notice/?outcome=failed").content.decode()
    assert "✕ failed" in page and "the settings name no webhook" in page
    assert "0 notices" in admin_client.get("/admin/metrics_app/notice/?outcome=waiting").content.decode()
    assert (
        "It has fired." in admin_client.get(f"/admin/metrics_app/notice/{notice.pk}/change/").content.decode()
    )
    Receiver.objects.update(kind="mail")
    chosen = {"action": "try_again", "_selected_action": [notice.pk]}
    page = admin_client.post("/admin/metrics_app/notice/", chosen, follow=True)
    assert messages(page) == ["1 will be tried again at once."]
    assert send_notices(now=later(seconds=1)) == 1
    notice.refresh_from_db()
    assert notice.outcome == "sent"


def test_who_was_told_stays_on_record_when_the_receiver_or_the_threshold_is_deleted(admin_client, base):
    breach = open_breach(fired_at=base)
    row = make_receiver()
    happen(breach)
    page = admin_client.get(f"{LIST}{row.pk}/delete/").content.decode()
    assert "Notice" not in page.partition("<h2>Summary")[2].partition("<form")[0]
    assert admin_client.post(f"{LIST}{row.pk}/delete/", {"post": "yes"}).status_code == 302
    notice = Notice.objects.get()
    assert (notice.receiver, notice.told, notice.outcome) == (None, row.name, "withheld")
    line = f"Notice to {row.name} withheld: the receiver was deleted"
    assert breach.timeline.filter(text=line).exists() and send_notices(now=later(hours=1)) == 0
    assert f"{row.name} (deleted)" in admin_client.get("/admin/metrics_app/notice/").content.decode()
    Notice.objects.update(outcome="failed")
    chosen = {"action": "try_again", "_selected_action": [notice.pk]}
    page = admin_client.post("/admin/metrics_app/notice/", chosen, follow=True)
    assert messages(page) == ["0 will be tried again at once."]
    make_receiver()
    happen(breach)
    address = f"/admin/metrics_app/threshold/{breach.threshold_id}/delete/"
    told = Notice.objects.count()
    assert admin_client.post(address, {"post": "yes"}).status_code == 302
    assert Notice.objects.count() == told + 1, "whoever heard that it began hears that it is over"
