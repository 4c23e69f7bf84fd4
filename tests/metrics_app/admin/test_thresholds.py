"""The analyst's form and list of thresholds."""

import re
import time

import pytest
from django.contrib.auth.models import Group, Permission, User

from metrics_app import registry
from metrics_app.admin.threshold_cells import tell_light
from metrics_app.collector import collect_all
from metrics_app.core.conditions import judge_rule
from metrics_app.models import Breach, Kpi, Threshold, ThresholdState
from metrics_app.services.watch.states import View
from metrics_app.tasks import watch
from tests.metrics_app.watching import HOUR, make_threshold, send

pytestmark = pytest.mark.django_db
LIST = "/admin/metrics_app/threshold/"
FORM = {
    "name": "",
    "severity": "critical",
    "enabled": "on",
    "aggregate": "mean",
    "window": "30 min",
    "operator": "gt",
    "limit": "48h",
    "recovery_limit": "43.2 h",
    "min_count": "3",
    "interval": "10 s",
    "pending_for": "0",
    "keep_firing_for": "10 min",
    "cooldown": "1h",
    "delay": "0 s",
    "no_data": "keep",
    "no_data_for": "1 h",
    "title": "Response time breach",
    "suggestion": "Hire 2 temp agents",
    "action": "",
    "action_params": "{}",
    "reason": "The division answers within 48 h.",
    "versions-TOTAL_FORMS": "0",
    "versions-INITIAL_FORMS": "0",
}


@pytest.fixture
def kpi(db):
    return Kpi.objects.create(topic="complaint.latency", unit="seconds")


def fill(threshold=None, **fields):
    """The form's POST data."""
    count = threshold.versions.count() if threshold else 0
    formset = {"versions-TOTAL_FORMS": count, "versions-INITIAL_FORMS": count}
    for number, version in enumerate(threshold.versions.all() if threshold else ()):
        formset |= {f"versions-{number}-id": version.pk, f"versions-{number}-threshold": threshold.pk}
    return FORM | formset | fields


def test_it_takes_limits_and_durations_as_people_write_them(admin_client, kpi):
    response = admin_client.post(f"{LIST}add/", fill(kpi=kpi.pk))
    assert response.status_code == 302, response.context["errors"]
    threshold = Threshold.objects.get()
    assert (threshold.limit, threshold.recovery_limit) == (172800, 155520)
    assert (threshold.window, threshold.interval, threshold.keep_firing_for) == (1800, 10, 600)
    version = threshold.versions.get()
    assert (version.version, version.reason) == (1, "The division answers within 48 h.")
    assert version.author.username == "admin"
    assert ThresholdState.objects.filter(threshold=threshold).exists()


def test_the_form_shows_48_h_and_not_172800(admin_client, kpi):
    threshold = make_threshold(now=int(time.time() * 1000))
    page = admin_client.get(f"{LIST}{threshold.pk}/change/").content.decode()
    assert 'value="48 h"' in page and 'value="30 min"' in page
    assert "172800" not in page.replace("48 h = 172800", "")
    assert "first version" in page and "not yet judged" not in page
    assert admin_client.get(f"{LIST}add/").status_code == 200


def test_an_edit_is_a_new_version_that_says_what_changed(admin_client, kpi):
    threshold = make_threshold(now=int(time.time() * 1000))
    response = admin_client.post(
        f"{LIST}{threshold.pk}/change/", fill(threshold, limit="10 min", recovery_limit="")
    )
    assert response.status_code == 302, response.context["errors"]
    threshold.refresh_from_db()
    assert (threshold.limit, threshold.version) == (600, 2)
    page = admin_client.get(f"{LIST}{threshold.pk}/change/").content.decode()
    assert "limit: 48 h → 10 min" in page


def test_only_a_change_of_the_rule_makes_a_version_with_or_without_a_reason(admin_client, kpi):
    threshold = make_threshold(now=int(time.time() * 1000))
    address = f"{LIST}{threshold.pk}/change/"
    same = {"limit": "48h", "recovery_limit": "", "interval": "1 min", "min_count": "1", "cooldown": "0"}
    same |= {"keep_firing_for": "0 s", "severity": "warning", "reason": "", "name": "Answer in time"}
    assert admin_client.post(address, fill(threshold, **same)).status_code == 302
    threshold.refresh_from_db()
    assert (threshold.name, threshold.version) == ("Answer in time", 1)
    assert admin_client.post(address, fill(threshold, **same | {"limit": "10 min"})).status_code == 302
    assert threshold.versions.get(version=2).reason == ""


def test_the_running_breach_says_which_version_fired(admin_client, kpi):
    threshold = make_threshold(now=int(time.time() * 1000))
    breach = Breach.objects.create(threshold=threshold, version=1, since=1, fired_at=1)
    changed = fill(threshold, limit="50 h", recovery_limit="", reason="New law.")
    assert admin_client.post(f"{LIST}{threshold.pk}/change/", changed).status_code == 302
    line = breach.timeline.get(kind="edited").text
    assert line.startswith("The rule was changed by admin to version 2, “New law.”: ")
    assert "limit: 48 h → 50 h" in line and line.endswith(
        "fired by version 1; from here on version 2 judges it."
    )
    page = admin_client.get(f"{LIST}{threshold.pk}/change/").content.decode()
    assert f"breach #{breach.pk} is open, fired by version 1" in page
    assert f'href="/thresholds/{threshold.pk}/explain/">Why?' in page


@pytest.mark.django_db(transaction=True)
def test_a_limit_lowered_in_the_admin_is_judged_and_handed_over_at_once(admin_client, settings):
    settings.METRICS_APP = settings.METRICS_APP | {"BREACH_HANDLERS": [f"{__name__}.answer"]}
    now = int(time.time() * 1000)
    threshold = make_threshold(now=now)
    send((now - 5_000, HOUR))
    assert not Breach.objects.exists()
    lowered = fill(threshold, limit="10 min", recovery_limit="", min_count="1")
    admin_client.post(f"{LIST}{threshold.pk}/change/", lowered)
    if not Breach.objects.exists():
        # A second began between collecting and saving: beat comes once more is collected.
        collect_all()
        watch()
    assert Breach.objects.get().outcome == "proposed #12"


def answer(breach):
    return "proposed #12"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("limit", "48 parsecs", "is not a duration: write"),
        ("limit", "", "This field is required"),
        ("limit", "inf", "is not a finite number"),
        ("limit", "172,800", "is not a duration: write"),
        ("limit", "1_5", "is not a duration: write"),
        ("limit", "-5 h", "-18000 is negative: complaint.latency is a duration"),
        ("recovery_limit", "50 h", "180000 is above the limit"),
        ("window", "half an hour", "is not a duration: write"),
        ("window", "0 s", "0 is not between 1 and 2678400 seconds"),
        ("window", "1.5 s", "is not a whole number of seconds"),
        ("interval", "2 d", "172800 is not between 1 and 86400 seconds"),
        ("min_count", "0", "0 is not between 1 and"),
        ("action_params", "[1]", "[1] is not a JSON object"),
        ("action_params", '{"url": "a", "url": "b"}', "'url' stands 2 times in one object"),
        ("action_params", "[" * 9_999, "nested too deeply: at most 20 levels"),
        ("action_params", "[" * 10_001, "has 10001 characters, at most 10000"),
        ("action_params", '{"a":' * 21 + "1" + "}" * 21, "nested too deeply: at most 20 levels"),
        ("action_params", '{"a": %s}' % ("9" * 5_000), "a number that is too long"),
        ("action_params", '{"a": "\\ud800"}', "cannot be stored"),
        ("kpi", "zzz", "Select a valid choice"),
        ("kpi", "9" * 5_000, "Select a valid choice"),
        ("action", "launch", "not one of the available choices"),
        ("title", "a\x00b", "Null characters are not allowed"),
    ],
)
def test_it_says_at_the_field_what_is_wrong(admin_client, kpi, field, value, message):
    response = admin_client.post(f"{LIST}add/", fill(**{"kpi": kpi.pk, field: value}))
    assert response.status_code == 200
    errors = response.context["adminform"].form.errors
    assert list(errors) == [field] and message in str(errors[field][0])


def test_it_reads_a_decimal_comma(admin_client, kpi):
    admin_client.post(f"{LIST}add/", fill(kpi=kpi.pk, limit="1,5 h", recovery_limit=""))
    assert Threshold.objects.get().limit == 5400


@pytest.mark.parametrize(
    "forged",
    [
        {"versions-0-id": "zzz"},
        {"versions-0-id": ""},
        {"versions-0-id": "9" * 5_000},
        {"versions-0-threshold": "zzz"},
        {"versions-TOTAL_FORMS": "99999"},
        {"versions-INITIAL_FORMS": "9" * 5_000},
        {"versions-0-DELETE": "on", "versions-0-reason": "forged"},
    ],
    ids=str,
)
def test_what_is_forged_for_the_versions_is_never_read(admin_client, kpi, forged):
    threshold = make_threshold(now=int(time.time() * 1000))
    for fields, status in (({"limit": "x"}, 200), ({"limit": "50 h"}, 302)):
        response = admin_client.post(f"{LIST}{threshold.pk}/change/", fill(threshold, **fields, **forged))
        assert response.status_code == status
    assert [version.reason for version in threshold.versions.order_by("version")] == ["", FORM["reason"]]


def test_a_count_takes_plain_numbers(admin_client, kpi):
    wrong = fill(kpi=kpi.pk, aggregate="count", limit="48 h", recovery_limit="")
    assert "expected a number" in str(admin_client.post(f"{LIST}add/", wrong).context["errors"])
    right = fill(kpi=kpi.pk, aggregate="count", limit="90", recovery_limit="")
    assert admin_client.post(f"{LIST}add/", right).status_code == 302
    page = admin_client.get(LIST).content.decode()
    assert "count over 30 min above 90" in page


def test_the_list_says_state_and_value_in_words(admin_client):
    now = int(time.time() * 1000)
    threshold = make_threshold(now=now)
    ThresholdState.objects.filter(threshold=threshold).update(state="firing", value=187200)
    page = admin_client.get(LIST).content.decode()
    assert "■ Beyond limit" in page and "52 h" in page and "mean over 30 min above 48 h" in page
    assert "behind: nothing is judged" in page
    assert "■ Beyond limit" in admin_client.get(LIST, {"state": "firing", "q": "latency"}).content.decode()
    assert "0 thresholds" in admin_client.get(LIST, {"state": "ok"}).content.decode()


@pytest.mark.parametrize(
    ("state", "data", "operator", "said"),
    [
        ("ok", "fresh", "gt", "● Within limit"),
        ("ok", "empty", "gt", "○ No data"),
        ("pending", "fresh", "gte", "▲ Over limit for now"),
        ("pending", "fresh", "lt", "▲ Under limit for now"),
        ("firing", "empty", "gt", "■ Beyond limit"),
        ("recovering", "fresh", "gt", "◐ Recovering"),
    ],
)
def test_a_state_is_said_as_on_the_overview(base, state, data, operator, said):
    view = View(state, base, None, 0, data, None, base, 0, False, judge_rule(state, data))
    assert tell_light(Threshold(operator=operator), view) == said


def test_a_new_threshold_has_an_empty_object_of_parameters(admin_client):
    page = admin_client.get(f"{LIST}add/").content.decode()
    field = re.search(r'<textarea name="action_params"[^>]*>([^<]*)<', page)
    assert field.group(1).strip() == "{}"


def test_sections_that_nobody_touched_are_folded(admin_client):
    now = int(time.time() * 1000)
    untouched, timed = make_threshold(now=now), make_threshold(now=now, cooldown=600, name="timed")
    for threshold, folded in ((untouched, 3), (timed, 2)):
        page = admin_client.get(f"{LIST}{threshold.pk}/change/").content.decode()
        assert page.count("<details>") == folded


def test_labels_are_words_and_no_heading_is_empty(admin_client):
    threshold = make_threshold(now=int(time.time() * 1000))
    page = admin_client.get(f"{LIST}{threshold.pk}/change/").content.decode()
    assert "Action parameters" in page and "<label>KPI:</label>" in page
    assert "no evaluator ran while" in page and "Kpi" not in page
    assert not re.search(r"<th[^>]*>\s*</th>", page)


@pytest.mark.parametrize("way", ["page", "action"])
def test_a_deleted_threshold_is_kept_out_of_sight_if_it_ever_had_a_breach(admin_client, way):
    kept, gone = (make_threshold(now=int(time.time() * 1000), name=name) for name in ("Kept", "Gone"))
    breach = Breach.objects.create(threshold=kept, version=1, since=1, fired_at=1)
    if way == "page":
        asked = admin_client.get(f"{LIST}{kept.pk}/delete/").content.decode()
        assert "its breaches stay on record" in asked
        for one in (kept, gone):
            assert admin_client.post(f"{LIST}{one.pk}/delete/", {"post": "yes"}).status_code == 302
    else:
        chosen = {"action": "delete_selected", "_selected_action": [kept.pk, gone.pk], "post": "yes"}
        assert admin_client.post(LIST, chosen).status_code == 302
    kept, breach = Threshold.objects.get(), Breach.objects.get()
    assert kept.name == "Kept" and kept.retired_at and not kept.enabled
    assert breach.timeline.get().text == "Ended: deleted by admin."
    assert ">Kept<" not in admin_client.get(LIST).content.decode()
    assert ">Kept<" in admin_client.get(LIST, {"retired": "yes"}).content.decode()
    page = admin_client.get(f"{LIST}{kept.pk}/change/").content.decode()
    assert "– deleted" in page and 'name="limit"' not in page
    assert admin_client.post(f"{LIST}{kept.pk}/delete/", {"post": "yes"}).status_code == 403
    assert admin_client.get(f"/thresholds/{kept.pk}/explain/?at=1").status_code != 404


@pytest.mark.parametrize("page", ["/kpis/complaint.latency/"])
def test_switching_off_a_firing_threshold_ends_its_breach(admin_client, kpi, page):
    threshold = make_threshold(now=int(time.time() * 1000))
    breach = Breach.objects.create(threshold=threshold, version=1, since=1, fired_at=1)
    ThresholdState.objects.update(state="firing", since=1)
    off = fill(threshold, recovery_limit="", reason="")
    del off["enabled"]
    assert admin_client.post(f"{LIST}{threshold.pk}/change/", off).status_code == 302
    breach.refresh_from_db()
    assert breach.recovered_at and breach.timeline.get().text == "Ended: switched off by admin."
    text = admin_client.get(page).content.decode()
    assert "until now" not in text and re.search(r"–</span>\s+<span[^>]*>Switched off", text)
    assert '<li class="firing"' not in text


def test_staff_outside_its_group_do_not_see_a_restricted_kpi(client, kpi):
    staff = User.objects.create_user("staff", is_staff=True)
    staff.user_permissions.set(Permission.objects.filter(content_type__app_label="metrics_app"))
    client.force_login(staff)
    threshold = make_threshold(now=int(time.time() * 1000))
    assert client.get(f"{LIST}{threshold.pk}/change/").status_code == 200
    owners = Group.objects.create(name="owners")
    Kpi.objects.update(restricted=True, owner=owners)
    registry.forget()
    assert client.get(f"{LIST}{threshold.pk}/change/").status_code == 302
    staff.groups.add(owners)
    assert client.get(f"{LIST}{threshold.pk}/change/").status_code == 200


def try_rule(client, **fields):
    response = client.post(f"{LIST}backtest/", fill(**fields))
    assert response.status_code == 200, response.content
    return response.json()


def test_the_form_says_what_the_rule_as_typed_would_have_done(admin_client, kpi, base):
    send((base, 50 * HOUR), (base + 1, 60 * HOUR))
    found = try_rule(admin_client, kpi=kpi.pk, min_count="1")
    assert found["sentence"].startswith("Over 30 days, of which "), "the KPI is younger than that"
    assert "was recorded: 1 breach, " in found["sentence"]
    assert "1 proposal. The window usually holds about 2 points." in found["sentence"]
    assert found["chart"]["limit_label"] == "48 h" and not Threshold.objects.exists()
    assert try_rule(admin_client, kpi=kpi.pk)["warning"].startswith(
        "It would never fire: it asks for 3 points"
    )


def test_a_stored_threshold_is_tried_with_what_is_typed(admin_client, kpi, base):
    send((base, 50 * HOUR))
    threshold = make_threshold(now=int(time.time() * 1000))
    found = try_rule(admin_client, backtest_of=threshold.pk, limit="60 h", recovery_limit="", min_count="1")
    assert found["breach_count"] == 0
    threshold.refresh_from_db()
    assert threshold.limit == 172800
    page = admin_client.get(f"{LIST}{threshold.pk}/change/").content.decode()
    assert f'data-threshold="{threshold.pk}"' in page and "metrics_app/backtest.js" in page


def test_while_a_field_is_wrong_the_panel_names_it(admin_client, kpi):
    assert try_rule(admin_client, kpi=kpi.pk, limit="48 parsecs") == {"faults": ["limit"]}
    assert admin_client.get(f"{LIST}backtest/").status_code == 405


def test_who_may_not_write_thresholds_tries_none(client, kpi):
    client.force_login(User.objects.create_user("reader", is_staff=True))
    assert client.post(f"{LIST}backtest/", fill(kpi=kpi.pk)).status_code == 403


def suggest(client, **fields):
    response = client.post(f"{LIST}suggest/", fill(**fields))
    assert response.status_code == 200, response.content
    return response.json()


def test_the_form_suggests_a_rule_from_the_history_with_a_reason_for_each_part(admin_client, kpi, base):
    send(*((base + number * 11_000, (1 + number % 20) * HOUR) for number in range(200)))
    found = suggest(admin_client, kpi=kpi.pk, limit="", window="1 min")
    assert found["sentence"].startswith("The last 40 min: half of ")
    parts = {part["field"]: part for part in found["parts"]}
    assert list(parts) == ["limit", "recovery_limit", "min_count"]
    assert parts["limit"]["said"].endswith(" h") and all(part["reason"] for part in found["parts"])
    typed = {name: part["text"] for name, part in parts.items()}
    assert "sentence" in try_rule(admin_client, kpi=kpi.pk, window="1 min", **typed)


def test_without_a_kpi_or_a_history_it_suggests_nothing_and_says_so(admin_client, client, kpi):
    assert suggest(admin_client, kpi="")["faults"] == ["kpi"]
    found = suggest(admin_client, kpi=kpi.pk)
    assert found["parts"] == [] and "are needed to suggest a limit" in found["sentence"]
    client.force_login(User.objects.create_user("reader", is_staff=True))
    assert client.post(f"{LIST}suggest/", fill(kpi=kpi.pk)).status_code == 403


def test_a_share_is_typed_as_people_say_it(admin_client, kpi):
    share = {"aggregate": "share_above", "aggregate_value": "48 h", "limit": "10 %", "recovery_limit": "8"}
    assert try_rule(admin_client, kpi=kpi.pk, **share)["chart"]["limit_label"] == "10 %"
    assert try_rule(admin_client, kpi=kpi.pk, **share | {"aggregate_value": ""}) == {
        "faults": ["aggregate_value"]
    }
    assert suggest(admin_client, kpi=kpi.pk, **share | {"aggregate_value": ""})["parts"] == []
    response = admin_client.post(f"{LIST}add/", fill(kpi=kpi.pk, **share))
    assert response.status_code == 302, response.context["errors"]
    threshold = Threshold.objects.get()
    assert (threshold.aggregate_value, threshold.limit, threshold.recovery_limit) == (172800, 10, 8)
    page = admin_client.get(f"{LIST}{threshold.pk}/change/")
    assert 'value="48 h"' in page.content.decode() and 'value="10"' in page.content.decode()


def test_the_second_of_two_editors_is_told_and_what_they_entered_is_kept(admin_client, kpi):
    threshold = make_threshold(now=int(time.time() * 1000), limit=47 * HOUR)
    address = f"{LIST}{threshold.pk}/change/"
    assert re.search(
        r'<input type="hidden" name="seen" value="1"', admin_client.get(address).content.decode()
    )
    shown = {"limit": "47 h", "recovery_limit": "", "seen": "1"}
    first = fill(threshold, **shown | {"limit": "50 h"})
    second = fill(threshold, **shown | {"recovery_limit": "40 h"})
    assert admin_client.post(address, first).status_code == 302
    page = admin_client.post(address, second)
    assert page.status_code == 200
    text = page.content.decode()
    assert "Changed meanwhile by admin to version 2 (limit: 47 h → 50 h" in text and "look again" in text
    assert 'value="40 h"' in text and re.search(r'name="seen" value="2"', text)
    assert Threshold.objects.get().limit == 50 * HOUR
    # Having looked again, they may save what they mean.
    assert admin_client.post(address, second | {"seen": "2", "limit": "50 h"}).status_code == 302
    threshold.refresh_from_db()
    assert (threshold.limit, threshold.recovery_limit, threshold.version) == (50 * HOUR, 40 * HOUR, 3)
