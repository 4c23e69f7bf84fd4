"""docs/live-spark.md, "In your own project": what it says is enough, in a project that is not ours."""

import os
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# What every Django project has, before it hears of this one.
PLAIN = """
import os
SECRET_KEY = "a stranger's"
ALLOWED_HOSTS = ["testserver"]
USE_TZ = True
STATIC_URL = "static/"
ROOT_URLCONF = "project.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
INSTALLED_APPS = [
    "django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes",
    "django.contrib.sessions", "django.contrib.messages", "django.contrib.staticfiles",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [{
    "BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True,
    "OPTIONS": {"context_processors": [
        "django.template.context_processors.request",
        "django.contrib.auth.context_processors.auth",
        "django.contrib.messages.context_processors.messages",
    ]},
}]
"""
STORY = """
import asyncio, django
from project.asgi import application
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.template import engines
from django.test import Client
from asgiref.testing import ApplicationCommunicator
from metrics_app.collector import collect_all
from metrics_app.services.record import record

call_command("check", fail_level="WARNING")
call_command("migrate", verbosity=0)
record([("complaint.latency", 90_000.0, None)])
collect_all()
page = engines["django"].from_string('{% load metrics_live %}{% live_spark "complaint.latency" %}').render()
assert '<live-spark topic="complaint.latency"' in page, page
assert "/static/metrics_app/live-spark.js" in page and finders.find("metrics_app/live-spark.js")
client = Client()
client.force_login(User.objects.create_user("ada"))
cookie = client.cookies["sessionid"].value
assert client.get("/live/").status_code == 200

async def read(headers):
    scope = {
        "type": "http", "http_version": "1.1", "method": "GET", "path": "/metrics/stream",
        "raw_path": b"/metrics/stream",
        "root_path": "", "scheme": "http", "query_string": b"topic=complaint.latency&since=-3600",
        "headers": [(b"host", b"testserver"), *headers],
        "client": ("127.0.0.1", 1), "server": ("testserver", 80),
    }
    stream = ApplicationCommunicator(application, scope)
    await stream.send_input({"type": "http.request"})
    start, body = await stream.receive_output(20), b""
    while start["status"] == 200 and b"90000" not in body:
        body += (await stream.receive_output(20))["body"]
    stream.stop()
    return start["status"]

assert asyncio.run(read([(b"cookie", f"sessionid={cookie}".encode())])) == 200
print("the point came")
"""


def read_blocks():
    """The files the page shows: {name: code}, each named in its first line."""
    text = (ROOT / "docs/live-spark.md").read_text().split("## In your own project\n")[1].split("\n## ")[0]
    return dict(re.findall(r"```python\n# (\S+)\n(.*?)```", text, re.DOTALL))


def test_what_it_says_is_enough_for_the_tag_and_the_streams(tmp_path, redis_url):
    blocks, project = read_blocks(), tmp_path / "project"
    project.mkdir()
    (project / "settings.py").write_text(PLAIN + blocks["settings.py"])
    (project / "urls.py").write_text(blocks["urls.py"])
    (project / "asgi.py").write_text(blocks["asgi.py"].replace("yourproject", "project"))
    (tmp_path / "story.py").write_text(STORY)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    environment |= {"DJANGO_SETTINGS_MODULE": "project.settings", "REDIS_URL": redis_url}
    done = subprocess.run(
        [sys.executable, "story.py"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert "the point came" in done.stdout
