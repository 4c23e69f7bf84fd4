"""What the stranger does: open a proposal in code, read and approve it over HTTP."""

import django

django.setup()

from django.contrib.auth.models import Permission, User  # noqa: E402
from django.core.management import call_command  # noqa: E402
from rest_framework.test import APIClient  # noqa: E402

from pipelines_app.services import open_pipeline  # noqa: E402

call_command("check", fail_level="WARNING")
call_command("migrate", verbosity=0)
pipeline = open_pipeline(title="Response time breach", suggestion="Hire 2 temp agents", kpi=5.0)
ada = User.objects.create_user("ada")
ada.user_permissions.add(Permission.objects.get(codename="decide_pipeline"))
client = APIClient()
client.force_login(ada)
assert client.get("/api/pipelines/", {"state": "awaiting_approval"}).json()["count"] == 1
assert client.get("/api/pipelines/", {"state": "x"}).status_code == 400
answer = client.post(f"/api/pipelines/{pipeline.pk}/approve/", {"version": 1}, format="json")
assert answer.status_code == 200, answer.content
assert client.get("/api/pipelines/9/").status_code == 404
call_command("verify_audit")
