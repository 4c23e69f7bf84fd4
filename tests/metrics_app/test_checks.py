"""What `manage.py check` says about the settings."""

import pytest

from metrics_app.checks import check_settings
from metrics_app.conf import DEFAULTS


def ids(settings, **given):
    settings.METRICS_APP = given
    return [error.id for error in check_settings(None)]


def test_it_finds_nothing_wrong_with_the_defaults(settings):
    assert ids(settings, **DEFAULTS) == ids(settings) == []


def test_it_names_an_unknown_key_and_the_known_ones(settings):
    settings.METRICS_APP = {"SHARD": 4}
    (error,) = check_settings(None)
    assert "'SHARD'" in error.msg and "SHARDS," in error.hint


@pytest.mark.parametrize(
    "given",
    [
        {"BREACH_HANDLERS": ["nowhere.propose"]},
        {"READINESS": ["nowhere.list_parts"]},
        {"BREACH_HANDLERS": ["metrics_app.conf.DEFAULTS"]},
        {"ACTIONS": "word"},
        {"EVENTS": "nowhere.read_events"},
        {"WIRE_FORMATS": {"text/csv": "nowhere.decode"}},
        {"RECEIVER_KINDS": ["nowhere.SIREN"]},
        {"RECEIVER_KINDS": ["metrics_app.wire.json.decode"]},
    ],
)
def test_it_names_a_path_that_leads_nowhere(settings, given):
    assert ids(settings, **given) == ["metrics_app.E002"]


@pytest.mark.parametrize("kind", ["csv", "Text/CSV", "text/csv; charset=utf-8", ""])
def test_it_names_a_content_type_that_no_request_can_have(settings, kind):
    assert ids(settings, WIRE_FORMATS={kind: "metrics_app.wire.json.decode"}) == ["metrics_app.E008"]


@pytest.mark.parametrize("given", [{"SHARDS": 0}, {"SHARDS": "8"}, {"MAX_POINTS": -1}, {"BUS_BYTES": 1.5}])
def test_it_names_a_number_that_makes_no_sense(settings, given):
    assert ids(settings, **given) == ["metrics_app.E003"]


SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HOOK = {"url": "https://example.org/hook", "secret": SECRET}


def test_it_takes_webhooks_networks_and_the_address_of_the_site(settings):
    given = {"WEBHOOKS": {"pager": HOOK, "two": HOOK | {"secret": f"{SECRET} {SECRET}"}}}
    assert ids(settings, **given, WEBHOOK_NETWORKS=["10.0.0.0/8"], SITE_URL="https://m.example.org/") == []


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"WEBHOOKS": ["pager"]}, "E005"),
        ({"WEBHOOKS": {"pager": "https://example.org"}}, "E005"),
        ({"WEBHOOKS": {"pager": HOOK | {"secrets": ""}}}, "E005"),
        ({"WEBHOOKS": {"pager": HOOK | {"url": "example.org"}}}, "E005"),
        ({"WEBHOOKS": {"pager": HOOK | {"secret": "whsec_c2hvcnQ="}}}, "E005"),
        ({"WEBHOOKS": {"pager": HOOK | {"url": "http://example.org/hook"}}}, "E005"),
        ({"WEBHOOK_NETWORKS": ["10.0.0.1/8"]}, "E004"),
        ({"WEBHOOK_NETWORKS": "10.0.0.0/8"}, "E004"),
        ({"SITE_URL": "metrics.example.org"}, "E006"),
        ({"SITE_URL": "https://metrics.example.org/below"}, "E006"),
    ],
)
def test_it_names_what_no_notice_can_be_sent_with(settings, given, error):
    assert ids(settings, **given) == [f"metrics_app.{error}"]
    assert "c2hvcnQ" not in str(check_settings(None))


def test_it_names_a_zone_that_does_not_exist(settings):
    settings.METRICS_APP = {"OPEN_DATA_ZONE": "Mars/Olympus"}
    (error,) = check_settings(None)
    assert error.id == "metrics_app.E007" and "'Mars/Olympus' is no time zone" in error.msg
