"""What the demo starts with: KPIs, the 48-hour threshold, log-ins and keys; where it is asked for, a past.

Seeding again changes nothing that people have changed since, and keeps the
passwords and keys that still open the door.
"""

import hashlib
import secrets

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.db import transaction

from hms_gov.past import DAYS, MISHAPS, TOPICS, TROUBLES, find_begin, live
from hms_gov.precedents import live_precedents
from hms_gov.traffic import keep_waiting
from metrics_app.collector import collect_all
from metrics_app.core.durations import DAY_S, HOUR_S
from metrics_app.core.rows import Block
from metrics_app.keyring import hash_key
from metrics_app.models import ApiKey, Kpi, Note, Receiver, Threshold
from metrics_app.queries.exports import find_span
from metrics_app.services.imports import begin_import, run_import
from metrics_app.services.keys import create_key, revoke_key
from metrics_app.services.notes import save_note
from metrics_app.services.notices import save_receiver
from metrics_app.services.rules.thresholds import save_threshold

KPIS = {
    "complaint.received": {
        "name": "Complaints received",
        "unit": "",
        "aggregate": "rate_per_hour",
        "window": HOUR_S,
        "open_data": True,
        "description": "Air-quality complaints that the public has filed.",
        "method": "Each complaint counts once, when it is filed. The demo makes them up.",
    },
    "complaint.latency": {
        "name": "Response time",
        "unit": "seconds",
        "aggregate": "mean",
        "window": HOUR_S // 2,
    },
    # The mean of the answered ones is half the truth: if nobody answers, it stands still.
    "complaint.open": {"name": "Open complaints", "unit": "open", "aggregate": "mean", "window": 60},
    "complaint.oldest_age": {
        "name": "Oldest open complaint",
        "unit": "seconds",
        "aggregate": "max",
        "window": 60,
    },
}
LIMIT = {
    "name": "Answered within 48 h",
    "aggregate": "mean",
    "window": HOUR_S // 2,
    "operator": "gt",
    "limit": 48 * HOUR_S,
    "interval": 10,
    "severity": "critical",
    "title": "Response time breach",
    "suggestion": "Hire 2 temp agents",
}
KEYS = {
    "emit_key": {"scopes": ["emit"]},
    "read_key": {"scopes": ["read"]},
    "propose_key": {"scopes": ["propose"]},
    "partner_key": {"scopes": ["partner"], "topics": ["complaint.latency", "complaint.received"]},
}


PAST = "simulated past of the demo"
WAITING = "complaints.json"  # in the data directory: what the past left open


@transaction.atomic
def seed(previous=None):
    """Makes what is missing; returns the log-ins and keys by name.

    ``previous`` is the answer of an earlier run; what still holds of it is kept.
    """
    previous = previous or {}
    for topic, fields in KPIS.items():
        Kpi.objects.get_or_create(topic=topic, defaults=fields)
    seed_threshold()
    seed_receiver()
    people = {
        "admin": seed_user("admin", previous, is_staff=True, is_superuser=True),
        "approver": seed_user("approver", previous, email="approver@example.org"),
    }
    decide = Permission.objects.get(content_type__app_label="pipelines_app", codename="decide_pipeline")
    get_user_model().objects.get(username="approver").user_permissions.add(decide)
    return people | {name: seed_key(name, previous.get(name), **fields) for name, fields in KEYS.items()}


def seed_threshold():
    """The 48-hour rule, unless the response time has a rule already."""
    kpi = Kpi.objects.get(topic="complaint.latency")
    if not kpi.thresholds.exists():
        save_threshold(Threshold(kpi=kpi, **LIMIT), by=None, reason="The division answers within 48 h.")


def seed_receiver():
    """Who is told of it by mail; without a mail server the mails are files in the data directory."""
    if not Receiver.objects.exists():
        duty = Receiver(name="Duty officers", addresses=["duty@example.org"], repeat_after=4 * HOUR_S)
        save_receiver(duty, by=None)


def seed_user(name, previous, **fields):
    """The log-in of a user: the one known before while it still opens, else a new password."""
    user, created = get_user_model().objects.get_or_create(username=name, defaults=fields)
    password = previous.get(name, {}).get("password", "")
    if created or not user.check_password(password):
        password = password or secrets.token_urlsafe(9)
        user.set_password(password)
        user.save(update_fields=["password"])
    return {"username": name, "password": password}


def seed_key(name, raw, **fields):
    """A key by its name: the one known before unless it was revoked, else a new one in its place."""
    if raw and ApiKey.objects.filter(hash=hash_key(raw), revoked_at=None).exists():
        return raw
    label = f"demo: {name}"
    for old in ApiKey.objects.filter(name=label, revoked_at=None):
        revoke_key(old)
    return create_key(name=label, **fields)[1]


def seed_past(path, *, days=DAYS):
    """Imports the simulated past of the complaints; how many points, 0 where any was ever counted.

    It ends where Redis takes over: what comes then goes over the bus, so that no moment is counted
    twice. What is open at its end is kept at ``path`` for the traffic. All of it, or nothing.
    """
    if any(find_span(topic) for topic in TOPICS):
        return 0
    with transaction.atomic():
        job = begin_import(hashlib.sha256(PAST.encode()).hexdigest(), PAST)
        end = job.hot_from // 1000
        past = live(end, days=days)
        keep_waiting(path, end, past.waiting)
        rows = len(past.ts)
        run_import(job, [Block(0, rows, list(TOPICS), past.topic, past.ts, past.values, [], [])])
        note_past(end, days)
        seed_precedents(end, days)
    return rows


def note_past(end, days):
    """Says on the chart of each KPI up to when (s) it was simulated, and what happened in it."""
    admin = find_user("admin")
    for topic in TOPICS:
        begin = end - days * DAY_S
        text = "Simulated: the demo made these days up. Nobody filed the complaints in them."
        save_note(Note(topic=topic, at=begin * 1000, until=end * 1000, text=text), by=admin)
        for spell in (*TROUBLES, *MISHAPS):
            at = find_begin(spell, end)
            until = at + round(spell.days * DAY_S)
            note = Note(topic=topic, at=at * 1000, until=until * 1000, text=f"Simulated: {spell.what}.")
            save_note(note, by=admin)


def seed_precedents(end, days):
    """What was proposed, decided and measured in the past that ends at ``end`` (s)."""
    # Whoever measures asks up to when points were collected, which no collector has said yet.
    collect_all()
    people = {"proposer": find_user("admin"), "approver": find_user("approver")}
    live_precedents(end, begin=end - days * DAY_S, rule=LIMIT, **people)


def find_user(name):
    """One of the demo's people."""
    return get_user_model().objects.get(username=name)
