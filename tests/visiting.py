"""Who knocks at every door, and what is behind it: a restricted KPI with one of everything."""

import re
import time
from datetime import timedelta
from types import SimpleNamespace

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from metrics_app.models import ApiKey, Breach, Correction, Kpi, Note, Notice, Receiver, Silence
from metrics_app.registry import forget
from metrics_app.services.keys import create_key, revoke_key
from pipelines_app.models import Policy
from pipelines_app.services import propose
from pipelines_app.services.records import save_record
from tests.doors import list_patterns
from tests.metrics_app.watching import make_threshold, send

TOPIC, OPEN = "quoll.numbat", "er.wait"
ABSENT = {"topic": "quoll.nobody", "id": 987_654}
# Words and a figure that stand in nothing else. A topic that was asked for is repeated in answers.
MARKS = (
    "numbat",
    "Zebrafink",
    "wombat",
    "dugong",
    "okapi",
    "axolotl",
    "pangolin",
    "48127",
    "48,127",
    "kakapo",
)
# Pages of Django and of the scheduler: whoever may change accounts may make themselves a superuser.
FOREIGN = re.compile("auth_|django_celery_beat_")
NO_TOPIC = re.compile("delegation|stopswitch")  # rows that belong to no topic
EXEMPT = {
    "jsi18n": "words of Django's own forms",
    "logout": "ends the session of the walker",
    "view_on_site": "redirects to pages of models that have none here",
    None: "redirects of Django's admin to its own addresses",
}
ADMIN_OWN = {"index", "password_change", "password_change_done", "autocomplete", "app_list"}
PEOPLE = ("anonymous", "member", "outsider", "staff", "superuser")
KEYS = ("emit", "read with group", "read", "read of topics", "propose", "partner", "revoked")
SEES = {"member", "superuser", "read with group"}


def make_world():
    """A restricted KPI with one of everything, an open one beside it, and who may look."""
    group = Group.objects.create(name="owners")
    people, now = make_people(group), time.time_ns() // 1_000_000
    kpi = Kpi.objects.create(topic=TOPIC, name="Zebrafink", unit="count", owner=group, restricted=True)
    Kpi.objects.create(topic=OPEN, name="Wait")
    forget()
    send((now - 60_000, 48_127.0), topic=TOPIC)
    rule = make_threshold(TOPIC, now=now, limit=48_127, unit="count", name="axolotl", suggestion="axolotl")
    end = timezone.now() + timedelta(days=1)
    breach = Breach.objects.create(
        threshold=rule, version=1, since=now, fired_at=now, value=48_127, outcome="pangolin"
    )
    breach.timeline.create(at=now, kind="fired", text="pangolin")
    receiver = Receiver.objects.create(name="kakapo", addresses=["a@example.org"], group=group)
    key, _ = create_key(name="kakapo", scopes=["emit"], topics=[TOPIC], by=people["superuser"])
    ids = {
        "kpi": kpi.pk,
        "threshold": rule.pk,
        "breach": breach.pk,
        "note": Note.objects.create(topic=TOPIC, at=now, text="wombat").pk,
        "correction": Correction.objects.create(
            topic=TOPIC,
            start=now - 7_200_000,
            end=now - 3_600_000,
            reason="dugong",
            author=people["superuser"],
        ).pk,
        "silence": Silence.objects.create(topic=TOPIC, ends_at=end, reason="okapi").pk,
        "receiver": receiver.pk,
        "notice": Notice.objects.create(
            receiver=receiver, breach=breach, event="firing", at=now, text="pangolin"
        ).pk,
        "apikey": key.pk,
        "pipeline": propose(title="axolotl", suggestion="axolotl", topic=TOPIC, restricted_to=group)[0].pk,
        "policy": save_record(
            Policy(name="pangolin", topics="emu.*", guardrails=TOPIC), by=people["superuser"]
        ).pk,
    }
    LogEntry.objects.create(
        user=people["staff"],
        content_type=ContentType.objects.get_for_model(Kpi),
        object_id=str(kpi.pk),
        object_repr="Zebrafink",
        action_flag=CHANGE,
    )
    return SimpleNamespace(ids=ids, group=group, people=people, visitors=make_visitors(people, group))


def make_people(group):
    """``{name: User}``; staff holds every permission on our models, and may not change accounts."""
    people = {name: User.objects.create_user(name) for name in ("member", "outsider")}
    people["staff"] = User.objects.create_user("staff", is_staff=True)
    people["superuser"] = User.objects.create_superuser("superuser")
    ours = Q(content_type__app_label="metrics_app") | Q(content_type__app_label="pipelines_app")
    people["staff"].user_permissions.set(Permission.objects.filter(ours))
    people["member"].groups.add(group)
    return people


def make_visitors(people, group):
    """``{name: Client}`` of all twelve."""
    visitors = {"anonymous": Client()}
    for name, user in people.items():
        visitors[name] = Client()
        visitors[name].force_login(user)
    wanted = {
        "emit": {"scopes": ["emit"]},
        "read with group": {"scopes": ["read"], "group": group},
        "read": {"scopes": ["read"]},
        "read of topics": {"scopes": ["read"], "topics": [OPEN]},
        "propose": {"scopes": ["propose"]},
        "partner": {"scopes": ["partner"], "topics": [TOPIC]},
        "revoked": {"scopes": ["read"], "group": group},
    }
    for name, options in wanted.items():
        key, raw = create_key(name=name, **options)
        visitors[name] = Client(headers={"Authorization": f"Bearer {raw}"})
        if name == "revoked":
            revoke_key(key)
    # Their names tell no topic; that of a partner's list is the partner's own.
    ApiKey.objects.filter(name="partner").update(group=group)
    return visitors


def find_kind(name):
    """Of which of our rows an address speaks."""
    if name == "explain":
        return "threshold"
    for kind in (
        "threshold",
        "breach",
        "correction",
        "silence",
        "receiver",
        "notice",
        "apikey",
        "pipeline",
        "note",
        "policy",
    ):
        if kind in name:
            return kind
    return "kpi"


def list_walked():
    """The patterns that are walked."""
    return [one for one in list_patterns() if one.name not in EXEMPT and not FOREIGN.match(one.name or "")]


def find_urls(pattern, ids):
    """``(the address of what is restricted, the same of what is not there)``; twice one without a part."""
    admin_name = pattern.callback.__module__.startswith("django.contrib.admin") or "_app_" in pattern.name
    name = f"admin:{pattern.name}" if admin_name or pattern.name in ADMIN_OWN else pattern.name
    given = {"topic": TOPIC, "file": "day.csv", "app_label": "metrics_app"}
    number = ids.get(find_kind(pattern.name), 1)
    wanted = pattern.pattern.converters or {}
    there = {part: given.get(part, number) for part in wanted}
    absent = {part: ABSENT["topic"] if part == "topic" else given.get(part, ABSENT["id"]) for part in wanted}
    if pattern.name == "app_list":
        there = absent = {"app_label": "metrics_app"}
    return reverse(name, kwargs=there), reverse(name, kwargs=absent)
