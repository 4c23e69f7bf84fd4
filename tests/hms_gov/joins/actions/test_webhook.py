"""A signed webhook as an action, on a real server."""

from datetime import timedelta

import pytest
from django.contrib.auth.models import Permission, User
from django.utils import timezone
from standardwebhooks import Webhook

from hms_gov.joins.actions.webhook import call_webhook, check_webhook, describe_webhook, name_lane
from metrics_app.exceptions import DeliveryFailed
from metrics_app.models import Receiver
from pipelines_app.core.orders import Order
from pipelines_app.exceptions import BadInput, Impossible
from pipelines_app.models import Pipeline
from pipelines_app.services import approve, propose, run_errands
from tests.metrics_app.telling import SECRET, allow, make_receiver, serve

pytestmark = pytest.mark.django_db
PARAMS = {"receiver": "hr-desk", "data": {"agents": 2}}


@pytest.fixture
def order():
    return Order(
        proposal=12, version=3, title="Response time breach", topic="complaint.latency", parameters=PARAMS
    )


@pytest.fixture
def decider():
    """Somebody who may decide."""
    user = User.objects.create_user("ada")
    user.user_permissions.add(Permission.objects.get(codename="decide_pipeline"))
    return user


def open_desk(settings, url):
    allow(settings, url)
    return make_receiver("hr-desk", kind="webhook", webhook="pager", addresses=[])


def test_it_posts_the_order_signed_under_its_key(settings, order):
    with serve(204) as server:
        open_desk(settings, server.url)
        assert call_webhook(order) == "webhook hr-desk"
        call_webhook(order)
    first, again = server.posts
    Webhook(SECRET).verify(first.body, first.headers)
    assert first.headers["webhook-id"] == again.headers["webhook-id"] == "pipeline:12:3"
    assert first.json["type"] == "pipelines.order"
    assert first.json["data"] == {
        "key": "pipeline:12:3",
        "proposal": 12,
        "version": 3,
        "title": "Response time breach",
        "topic": "complaint.latency",
        "data": {"agents": 2},
    }
    assert SECRET.encode() not in first.body


@pytest.mark.parametrize(
    ("status", "final"),
    [
        *[(status, True) for status in (400, 401, 403, 404, 410, 422)],
        *[(status, False) for status in (302, 408, 409, 425, 429, 500, 503)],
    ],
)
def test_it_never_repeats_what_a_client_can_only_mend_itself(settings, order, status, final):
    with serve(status, body=b"no such form") as server:
        open_desk(settings, server.url)
        with pytest.raises(Impossible if final else DeliveryFailed, match=f"hr-desk answered {status}"):
            call_webhook(order)
    assert len(server.posts) == 1


def test_it_follows_no_redirect(settings, order):
    with serve(204) as elsewhere, serve(307, headers=[("Location", elsewhere.url)]) as server:
        open_desk(settings, server.url)
        with pytest.raises(DeliveryFailed, match="redirects are not followed"):
            call_webhook(order)
    assert not elsewhere.posts


def test_a_server_that_is_away_is_tried_again_and_its_address_is_for_the_log(settings, order, caplog):
    with serve(204) as server:
        open_desk(settings, server.url)
    with pytest.raises(DeliveryFailed) as failed:
        call_webhook(order)
    assert str(failed.value) == "the webhook hr-desk could not be reached"
    assert "127.0.0.1" in caplog.text


def test_it_goes_to_no_private_address(settings, order):
    with serve(204) as server:
        open_desk(settings, server.url)
        settings.METRICS_APP = settings.METRICS_APP | {"WEBHOOK_NETWORKS": []}
        with pytest.raises(DeliveryFailed):
            call_webhook(order)
    assert not server.posts


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"receiver": "payroll"}, "'payroll' is no receiver of webhooks that is enabled; known are: hr-desk"),
        ({"receiver": "Duty officers"}, "no receiver of webhooks"),
        ({"receiver": 5}, "must be the name"),
        ({"receiver": "hr-desk", "data": [2]}, "data must be a JSON object"),
        ({"receiver": "hr-desk", "url": "http://example.org"}, "unknown field"),
        ({"receiver": "hr-desk", "secret": SECRET}, "unknown field"),
        ({}, "receiver is required"),
    ],
)
def test_it_takes_receivers_by_name_and_no_address_or_secret(settings, params, said):
    open_desk(settings, "https://example.org/hook")
    make_receiver()
    with pytest.raises(BadInput, match=said):
        check_webhook(params)


@pytest.mark.parametrize("change", ["disabled", "unnamed"])
def test_a_receiver_that_was_taken_away_after_the_approval_is_final(settings, order, change):
    open_desk(settings, "https://example.org/hook")
    if change == "disabled":
        Receiver.objects.update(enabled=False)
    else:
        settings.METRICS_APP = settings.METRICS_APP | {"WEBHOOKS": {}}
    with pytest.raises(Impossible):
        call_webhook(order)


def test_it_says_which_receiver_and_what_it_is_told():
    assert describe_webhook(PARAMS) == 'sends the webhook hr-desk with {"agents": 2}'
    assert describe_webhook({"receiver": "hr-desk"}) == "sends the webhook hr-desk"


@pytest.mark.parametrize(("wait", "seconds"), [("30", 30), ("", None), ("soon", None)])
def test_a_receiver_that_is_busy_says_when_to_come_back(settings, order, wait, seconds):
    with serve(503, headers=[("Retry-After", wait)]) as server:
        open_desk(settings, server.url)
        with pytest.raises(DeliveryFailed) as failed:
            call_webhook(order)
    assert failed.value.retry_after == seconds


def test_orders_reach_a_receiver_that_was_down_in_the_order_of_their_approvals(settings, decider):
    settings.PIPELINES_APP = settings.PIPELINES_APP | {"EXECUTE_AFTER": 0}
    now = timezone.now()
    with serve(503, 204, headers=[("Retry-After", "20")], body=b"") as server:
        open_desk(settings, server.url)
        for title in ("hire two", "release one"):
            made, _ = propose(
                title=title,
                suggestion="Tell the desk",
                kpi=1.0,
                action="webhook",
                action_params={"receiver": "hr-desk"},
            )
            approve(pipeline=made, by=decider, version=1, now=now)
        for seconds in (2, 8, 18):
            run_errands(now=now + timedelta(seconds=seconds))
        assert len(server.posts) == 1, "one probe, and not before the receiver wants it"
        for seconds in (60, 65):
            run_errands(now=now + timedelta(seconds=seconds))
    assert [post.json["data"]["title"] for post in server.posts] == ["hire two", "hire two", "release one"]
    assert set(Pipeline.objects.values_list("state", flat=True)) == {"done"}
    assert name_lane({"receiver": "hr-desk"}) == "the webhook hr-desk"
