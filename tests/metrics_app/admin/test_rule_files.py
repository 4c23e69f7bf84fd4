"""Export and import of thresholds in the admin."""

import re

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from metrics_app.models import Kpi, Threshold, ThresholdVersion
from metrics_app.services.rules.files import apply_import, plan_import
from tests.metrics_app.services.rules.test_files import TEXT

pytestmark = pytest.mark.django_db
LIST = "/admin/metrics_app/threshold/"
IMPORT = f"{LIST}import/"


@pytest.fixture
def analyst(client):
    user = User.objects.create_user("ann", is_staff=True)
    for name in ("view_threshold", "add_threshold", "change_threshold", "add_kpi", "change_kpi"):
        user.user_permissions.add(Permission.objects.get(codename=name))
    client.force_login(user)
    return user


def read_mark(page):
    return re.search(r'name="mark" value="([0-9a-f]{64})"', page.content.decode())[1]


def test_the_difference_is_shown_before_anything_is_saved(client, analyst):
    page = client.post(IMPORT, {"file": SimpleUploadedFile("rules.yaml", TEXT.encode())})
    body = page.content.decode()
    assert page.status_code == 200 and "What would change: 5 new" in body
    assert "share within 48 h over 1 h below 90 %; switched off" in body
    assert not Threshold.objects.exists()
    answer = client.post(
        IMPORT, {"text": TEXT.replace("\n", "\r\n"), "reason": "Why.", "mark": read_mark(page)}
    )
    assert answer.status_code == 302
    slow = Threshold.objects.get(key="slow-answers")
    version = ThresholdVersion.objects.get(threshold=slow)
    assert (slow.limit, version.author, version.reason) == (172_800, analyst, "Why.")
    assert "Imported: 5 new." in client.get(LIST).content.decode()
    assert "nothing to change (3 unchanged)" in client.post(IMPORT, {"text": TEXT}).content.decode()


def test_what_was_not_shown_is_not_saved(client, analyst):
    shown = client.post(IMPORT, {"text": TEXT})
    other = TEXT.replace("limit: 48h", "limit: 50h")
    page = client.post(IMPORT, {"text": other, "mark": read_mark(shown)})
    assert "Something has changed since this was shown" in page.content.decode()
    again = client.post(IMPORT, {"text": other, "mark": read_mark(page), "again": "1"})
    assert again.status_code == 200 and not Threshold.objects.exists()
    assert client.post(IMPORT, {"text": other, "mark": read_mark(again)}).status_code == 302
    assert Threshold.objects.get(key="slow-answers").limit == 50 * 3600


def test_faults_are_told_with_their_lines_and_change_nothing(client, analyst):
    page = client.post(IMPORT, {"text": TEXT.replace("limit: 48h", "limit: <b>")})
    assert page.status_code == 400
    assert "the file:24: kpis.complaint.latency.thresholds.slow-answers.limit: &#x27;&lt;b&gt;&#x27;" in (
        page.content.decode()
    )
    assert client.post(IMPORT, {}).status_code == 400
    binary = client.post(IMPORT, {"file": SimpleUploadedFile("rules.yaml", b"\xff\x00")})
    assert "is not UTF-8" in binary.content.decode()
    large = client.post(IMPORT, {"file": SimpleUploadedFile("rules.yaml", b"#" * 500_001)})
    assert "has 500,001 bytes, at most 500,000 are read" in large.content.decode()
    assert not Threshold.objects.exists()


def test_more_than_a_request_should_hold_is_refused_before_it_is_read_in_detail(client, analyst):
    page = client.post(
        IMPORT, {"text": "kpis:\n" + "".join(f"  a{n}: {{nonsense: 1}}\n" for n in range(501))}
    )
    assert page.status_code == 400
    assert "has 501 KPIs and thresholds, at most 500 are taken in one request" in page.content.decode()
    assert "nonsense" not in page.content.decode().partition('<form method="post" enctype')[0]
    thresholds = "".join(f"      t{n}: {{}}\n" for n in range(500))
    page = client.post(IMPORT, {"text": f"kpis:\n  er.wait:\n    thresholds:\n{thresholds}"})
    assert "has 501 KPIs and thresholds" in page.content.decode()
    plan_import({"a": "kpis:\n" + "".join(f"  a{n}: {{}}\n" for n in range(501))})


def test_only_who_may_write_thresholds_and_kpis_may_import(client, analyst):
    assert "Import from YAML" in client.get(LIST).content.decode()
    analyst.user_permissions.remove(Permission.objects.get(codename="change_kpi"))
    assert client.get(IMPORT).status_code == client.post(IMPORT, {"text": TEXT}).status_code == 403
    assert "Import from YAML" not in client.get(LIST).content.decode()
    client.logout()
    assert client.get(IMPORT).status_code == 302


def test_deleting_what_a_file_leaves_out_asks_for_its_own_permission(client, analyst):
    apply_import({"a": TEXT}, by=None)
    data = {"text": "kpis: {er.wait: {}}", "prune": "on"}
    assert "metrics_app.delete_threshold" in client.post(IMPORT, data).content.decode()
    analyst.user_permissions.add(Permission.objects.get(codename="delete_threshold"))
    page = client.post(IMPORT, data)
    assert "1 gone" in page.content.decode()
    assert client.post(IMPORT, data | {"mark": read_mark(page)}).status_code == 302
    assert not Threshold.objects.filter(key="count-24h").exists()


def test_a_restricted_kpi_is_neither_written_nor_told_of(client, analyst):
    apply_import({"a": TEXT}, by=None)
    Kpi.objects.filter(topic="er.wait").update(restricted=True, owner=Group.objects.create(name="ER"))
    page = client.post(IMPORT, {"text": TEXT.replace("90.5", "1")})
    assert "kpis.er.wait: cannot be used: choose another name" in page.content.decode()
    assert "90.5" not in page.content.decode()


def test_posts_need_their_token(analyst):

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(analyst)
    assert strict.post(IMPORT, {"text": TEXT}).status_code == 403


def test_the_selected_thresholds_are_exported(client, analyst):
    apply_import({"a": TEXT}, by=None)
    chosen = Threshold.objects.get(key="slow-answers")
    answer = client.post(LIST, {"action": "export_selected", "_selected_action": [chosen.pk]})
    text = answer.content.decode()
    assert answer["Content-Disposition"] == 'attachment; filename="thresholds.yaml"'
    assert "slow-answers:" in text and "answered-in-time" not in text and "er.wait" not in text
