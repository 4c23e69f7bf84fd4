"""What the documents say is enough for a project that is not ours, is."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.strangers import read_guide

ROOT = Path(__file__).resolve().parent.parent
# What every Django project has, before it hears of this one.
PLAIN = """
import os
SECRET_KEY = "a stranger's"
ALLOWED_HOSTS = ["testserver"]
USE_TZ = True
STATIC_URL = "static/"
ROOT_URLCONF = "project.urls"
LOGIN_URL = "admin:login"
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


JOINED = """
import time, django
django.setup()
from django.contrib.auth.models import Permission, User
from django.core.management import call_command
from django.test import Client
from celery import current_app
from metrics_app.collector import collect_all
from metrics_app.models import Kpi, Threshold
from metrics_app.services.record import record
from metrics_app.services.rules.thresholds import save_threshold
from metrics_app.services.watch.announce import announce
from metrics_app.services.watch.evaluate import evaluate

call_command("check", fail_level="WARNING")
call_command("migrate", verbosity=0)
base = int(time.time() // 60 - 5) * 60_000  # a minute that is over, and still hot
record([("er.wait", 194_400.0, base + 1000)])
collect_all()
kpi = Kpi.objects.get(topic="er.wait")
kpi.unit = "seconds"
kpi.save()
save_threshold(Threshold(kpi=kpi, limit=172_800, title="Slow", suggestion="Hire 2"), by=None, now=base)
evaluate(now=base + 60_001)
announce()
client, ada = Client(), User.objects.create_user("ada")
ada.user_permissions.add(Permission.objects.get(codename="decide_pipeline"))
client.force_login(ada)
page = client.get("/inbox/").content.decode()
assert "Hire 2" in page and "54 h" in page and "48 h" in page, page
assert current_app.main != "hms_gov", "a project keeps its own Celery application"
print("it was proposed")
"""


def read_blocks(page, heading):
    """The files a page shows under a heading: {name: code}, each named in its first line."""
    text = (ROOT / "docs" / page).read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    return dict(re.findall(r"```python\n# (\S+)\n(.*?)```", text, re.DOTALL))


def tell_story(story, tmp_path, redis_url, *blocks):
    """What a story prints in a plain project with blocks of documents added, each ``{file: code}``."""
    project, files = tmp_path / "project", {"settings.py": PLAIN, "urls.py": "", "asgi.py": ""}
    project.mkdir()
    for block in blocks:
        files |= {name: files[name] + code for name, code in block.items()}
    for name, code in files.items():
        (project / name).write_text(code.replace("yourproject", "project"))
    (tmp_path / "story.py").write_text(story)
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"}
    environment |= {"DJANGO_SETTINGS_MODULE": "project.settings", "REDIS_URL": redis_url}
    done = subprocess.run(
        [sys.executable, "story.py"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


METRICS = read_blocks("live-spark.md", "In your own project")
# As `startproject` leaves them.
STARTED = {
    "urls.py": "from django.contrib import admin\nfrom django.urls import path\n"
    "urlpatterns = [path('admin/', admin.site.urls)]\n",
    "asgi.py": "from django.core.asgi import get_asgi_application\napplication = get_asgi_application()\n",
}


def test_what_it_says_is_enough_for_the_tag_and_the_streams(tmp_path, redis_url):
    assert "the point came" in tell_story(STORY, tmp_path, redis_url, METRICS)


def test_the_eight_lines_of_the_guide_make_a_breach_a_proposal(tmp_path, redis_url):
    """In one process; as a stranger does it, with all of them, tests/test_install.py does."""
    files = {name.removeprefix("city/"): code for name, code in read_guide()[0].items()}
    address = {"settings.py": files["settings.py"].replace("redis://127.0.0.1:6379/0", redis_url)}
    address["settings.py"] += 'METRICS_APP["REDIS_PREFIX"] = "eight"\n'
    told = tell_story(f"import project.asgi\n{JOINED}", tmp_path, redis_url, STARTED, files | address)
    assert "it was proposed" in told
