"""The API in a project that has REST framework set to its own taste, or not at all: it stays what it is."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.test_own_project import PLAIN

ROOT = Path(__file__).resolve().parent.parent
OURS = """
INSTALLED_APPS += ["rest_framework", "metrics_app", "pipelines_app"]
MIDDLEWARE += ["django.middleware.csrf.CsrfViewMiddleware"]
METRICS_APP = {"REDIS_URL": os.environ["REDIS_URL"], "REDIS_PREFIX": "strange"}
PIPELINES_APP = {"AUTHENTICATION": ["metrics_app.api.authentication.KeyAuthentication"]}
CHANNEL_LAYERS = {"default": {
    "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
    "CONFIG": {"hosts": [os.environ["REDIS_URL"]], "prefix": "strange:asgi"},
}}
"""
# Everything REST framework lets a project choose, chosen otherwise.
TASTE = """
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.BasicAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAdminUser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.BrowsableAPIRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.FormParser"],
    "DEFAULT_PAGINATION_CLASS": "rest_framework.pagination.PageNumberPagination",
    "PAGE_SIZE": 1,
    "DEFAULT_VERSIONING_CLASS": "rest_framework.versioning.QueryParameterVersioning",
    "DEFAULT_THROTTLE_CLASSES": ["rest_framework.throttling.UserRateThrottle"],
    "DEFAULT_THROTTLE_RATES": {"user": "1/day"},
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "rest_framework.negotiation.DefaultContentNegotiation",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_SCHEMA_CLASS": "rest_framework.schemas.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
    "NON_FIELD_ERRORS_KEY": "whole",
    "DATETIME_FORMAT": "%s",
    "TIME_FORMAT": "%H",
    "URL_FORMAT_OVERRIDE": "as",
}
"""
URLS = """
from django.urls import include, path
urlpatterns = [
    path("api/", include("metrics_app.api.urls")),
    path("api/", include("pipelines_app.api.urls")),
]
"""
STORY = """
import django
django.setup()
from datetime import timedelta
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from metrics_app.collector import collect_all
from metrics_app.services.keys import create_key

call_command("check", fail_level="WARNING")
call_command("migrate", verbosity=0)

def refuse(response, status):
    assert response.status_code == status, (response.status_code, response.content)
    assert response["Content-Type"] == "application/json", response["Content-Type"]
    (fault,) = response.json()["errors"]
    assert set(fault) == {"field", "message"}, fault
    return fault

def bearer(*scopes):
    return Client(headers={"Authorization": f"Bearer {create_key(name='k', scopes=scopes)[1]}"})

JSON = {"content_type": "application/json"}
for url in ("/api/kpis/", "/api/thresholds/1/", "/api/pipelines/", "/api/pipelines/1/"):
    response = Client().get(url)
    refuse(response, 401)
    assert response["WWW-Authenticate"].startswith("Bearer")
sender, reader = bearer("emit"), bearer("read")
assert "scope" in refuse(sender.get("/api/kpis/"), 403)["message"]
assert "scope" in refuse(sender.get("/api/pipelines/"), 403)["message"]
for topic in ("er.wait", "fire.wait"):
    answer = sender.post("/api/points/", {"topic": topic, "value": 5}, **JSON)
    assert answer.status_code == 202, answer.content
collect_all()
page = reader.get("/api/kpis/?limit=1").json()
assert set(page) == {"count", "next", "previous", "results"}, page
assert (page["count"], len(page["results"])) == (2, 1) and "offset=1" in page["next"]
assert len(reader.get("/api/kpis/").json()["results"]) == 2
assert reader.get("/api/kpis/er.wait/stats/?as=published").json()["mean"] == 5
assert refuse(reader.get("/api/kpis/?nonsense=1"), 400)["field"] == "nonsense"
assert refuse(reader.get("/api/pipelines/?page=1"), 400)["field"] == "page"
assert set(reader.get("/api/pipelines/").json()) == {"count", "next", "previous", "results"}
refuse(reader.get("/api/breaches/7/"), 404)
refuse(reader.put("/api/kpis/"), 405)
refuse(sender.post("/api/points/", "a=1", content_type="text/plain"), 415)
assert refuse(bearer("propose").post("/api/pipelines/", [], **JSON), 400)["field"] is None
root = Client()
root.force_login(User.objects.create_superuser("root"))
assert refuse(root.post("/api/thresholds/", [], **JSON), 400)["field"] is None
ends = (timezone.now() + timedelta(days=8)).replace(microsecond=0)
hours = {"days": "mon", "opens": "06:00", "closes": "07:00"}
silence = {"topic": "er.*", "reason": "works", "ends_at": ends.isoformat()} | hours
made = root.post("/api/silences/", silence, **JSON)
assert made.status_code == 201, made.content
assert made.json()["opens"] == "06:00:00" and made.json()["ends_at"].endswith("Z"), made.json()
assert root.get("/api/kpis/", headers={"Accept": "text/html"})["Content-Type"] == "application/json"
strict = Client(enforce_csrf_checks=True)
strict.force_login(User.objects.get())
assert "CSRF" in refuse(strict.post("/api/silences/", silence, **JSON), 403)["message"]
print("as at home")
"""


@pytest.mark.parametrize("taste", ["", TASTE], ids=["without REST_FRAMEWORK", "with another taste"])
def test_it_is_the_same_api_in_every_project(tmp_path, redis_url, taste):
    project = tmp_path / "project"
    project.mkdir()
    (project / "settings.py").write_text(PLAIN + OURS + taste)
    (project / "urls.py").write_text(URLS)
    (tmp_path / "story.py").write_text(STORY)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    environment |= {"DJANGO_SETTINGS_MODULE": "project.settings", "REDIS_URL": redis_url}
    done = subprocess.run(
        [sys.executable, "story.py"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "as at home" in done.stdout
