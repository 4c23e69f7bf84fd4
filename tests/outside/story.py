"""What happens in the city: lines come in, a limit is crossed, and each of its parts has its turn."""

import json
from datetime import timedelta
from html import unescape
from pathlib import Path

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.contrib.auth.models import User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.test import Client  # noqa: E402

from metrics_app.collector import collect_all  # noqa: E402
from metrics_app.models import Breach, Kpi, Receiver, Threshold  # noqa: E402
from metrics_app.services.keys import create_key  # noqa: E402
from metrics_app.services.notices import send_notices  # noqa: E402
from metrics_app.services.watch.announce import announce  # noqa: E402
from metrics_app.services.watch.evaluate import evaluate  # noqa: E402
from pipelines_app.models import Pipeline  # noqa: E402
from pipelines_app.services import run_errands  # noqa: E402

HOURS = 3600
LINES = f"complaint.latency,{53 * HOURS}\n" * 3 + "complaint.received,1\n"
RECEIVER = {
    "name": "Everybody",
    "kind": "siren",
    "addresses": "town hall",
    "severities": "critical",
    "events": "firing",
    "zone": "UTC",
    "group_wait": "0 s",
    "enabled": "on",
}
THRESHOLD = {
    "severity": "critical",
    "enabled": "on",
    "aggregate": "mean",
    "window": "30 min",
    "operator": "gt",
    "limit": "48 h",
    "min_count": "3",
    "interval": "1 s",
    "pending_for": "0",
    "keep_firing_for": "0",
    "cooldown": "0",
    "delay": "0",
    "no_data": "keep",
    "no_data_for": "1 h",
    "title": "Response time breach",
    "suggestion": "Hire 2 temp agents",
    "action": "hire_agents",
    "action_params": '{"agents": 2}',
    "versions-TOTAL_FORMS": "0",
    "versions-INITIAL_FORMS": "0",
}


def read(name):
    """A file of the city hall."""
    return (Path(settings.CITY_HALL) / name).read_text()


def save(address, form):
    """Fills in a form of the admin; its status and page."""
    answer = admin.post(f"/admin/metrics_app/{address}/add/", form)
    return answer.status_code, unescape(answer.content.decode())


def send(body, kind="text/csv"):
    """Posts points as the city writes them."""
    answer = admin.post("/api/v1/points/", body, content_type=kind, headers={"Authorization": bearer})
    return answer.status_code, answer.json()


call_command("check", fail_level="WARNING")
call_command("migrate", verbosity=0)
# What a project adds is no change of a table.
call_command("makemigrations", check=True, dry_run=True)
admin = Client()
admin.force_login(User.objects.create_superuser("ada"))
bearer = f"Bearer {create_key(name='lines', scopes=['emit'])[1]}"
kpi = Kpi.objects.create(topic="complaint.latency", unit="seconds")

# A kind of receiver, in the admin's form.
page = admin.get("/admin/metrics_app/receiver/add/").content.decode()
assert '<option value="siren">siren</option>' in page and "The roofs it stands on" in page
status, page = save("receiver", RECEIVER | {"addresses": "the moon"})
assert status == 200 and "has no siren: expected town hall or fire station" in page
assert save("receiver", RECEIVER)[0] == 302 and Receiver.objects.get().kind == "siren"
assert "town hall" in admin.get("/admin/metrics_app/receiver/").content.decode()

# A wire format, at the door for points and in its schema.
assert send(LINES) == (202, {"accepted": 4})
refused = send("complaint.latency")
assert refused[0] == 400 and refused[1]["errors"][0]["field"] == "line", refused
assert "application/json, text/csv" in send(LINES, "text/plain")[1]["errors"][0]["message"]
schema = json.loads(admin.get("/api/schema/?format=json").content)
points = schema["paths"]["/api/v1/points/"]["post"]
assert set(points["requestBody"]["content"]) == {"application/json", "text/csv"}
collect_all()

# An action, in the threshold's form.
page = admin.get("/admin/metrics_app/threshold/add/").content.decode()
assert '<option value="hire_agents">hire_agents</option>' in page
status, page = save("threshold", THRESHOLD | {"kpi": kpi.pk, "action_params": '{"agents": 20}'})
assert status == 200 and "agents must be 1 to 10" in page
assert (
    save("threshold", THRESHOLD | {"kpi": kpi.pk})[0] == 302 and Threshold.objects.get().limit == 48 * HOURS
)
while not Breach.objects.exists():
    collect_all()
    evaluate()

# A handler of breaches, beside the one that proposes; to save may have been enough.
announce()
breach, proposal = Breach.objects.get(), Pipeline.objects.get()
assert breach.outcome == f"proposed #{proposal.pk}; entered in the ledger", breach.outcome
assert read("ledger.txt") == f"{breach.pk} complaint.latency {53 * HOURS}\n"
assert (proposal.action, proposal.action_params) == ("hire_agents", {"agents": 2})
assert "hire_agents" in admin.get(f"/api/v1/pipelines/{proposal.pk}/").content.decode()

# The action is told before the button, and carried out after the approval, once.
approver = Client()
approver.force_login(User.objects.create_superuser("bea"))
page = unescape(approver.get(f"/inbox/{proposal.pk}/").content.decode())
assert "Approving orders 2 agents from the agency in 10 s; until then it can be undone." in page
assert approver.post(f"/inbox/{proposal.pk}/decide/", {"vote": "approve", "version": 1}).status_code == 302
due = Pipeline.objects.get().decided_at + timedelta(seconds=10)
run_errands(now=due - timedelta(seconds=1))
assert not (Path(settings.CITY_HALL) / "orders.txt").exists()
run_errands(now=due)
run_errands(now=due + timedelta(hours=1))
assert read("orders.txt") == f"pipeline:{proposal.pk}:1: 2 agents for complaint.latency\n"
proposal.refresh_from_db()
assert (proposal.state, proposal.outcome) == ("measuring", "2 agents ordered"), proposal.outcome
assert "2 agents ordered" in breach.timeline.filter(kind="proposal").last().text

# An aggregate, on a tile and in a rule; tests/test_outside_aggregate.py follows it to the end.
kpi.aggregate = "trimmed_mean"
kpi.save()
rule = THRESHOLD | {"kpi": kpi.pk, "aggregate": "trimmed_mean", "limit": "60 h", "title": ""}
assert save("threshold", rule)[0] == 302
told = admin.get("/api/v1/kpis/complaint.latency/").json()
assert (told["aggregate"], told["value"]) == ("trimmed_mean", 53 * HOURS), told

# And the siren is heard, once.
assert (send_notices(), send_notices()) == (1, 0)
said = json.loads(read("siren.jsonl"))
assert said["roofs"] == ["town hall"], said
assert said["says"] == ["■ Beyond limit: complaint.latency 53 h (limit 48 h)"], said
assert breach.timeline.filter(kind="notice").get().text == "Everybody told by siren: beyond limit"
print("the city was told")
