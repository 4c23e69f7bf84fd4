"""docs/install.md, followed to the letter: from nothing to a proposal that somebody decides."""

import re
import shlex
import sys

import pytest

from tests.strangers import PASSWORD, PEOPLE, ROOT, Stranger, Visitor, count_lines, wait_for
from tests.test_wheel import build, copy_source

pytestmark = [pytest.mark.slow, pytest.mark.any_database]
ADA, BEA = "ada@city.example", "bea@city.example"
# What one project or another has besides: each must go on working.
MANIFEST = """
STATIC_ROOT = BASE_DIR / "static"
STORAGES = {"staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"}}
"""
OWN_BASE = """
TEMPLATES[0]["DIRS"] = [BASE_DIR / "templates"]
"""
BASE = """<html><head><title>City · {% block title %}{% endblock %}</title>{% block styles %}{% endblock %}
{% block scripts %}{% endblock %}</head><body><h1>The city</h1>{% block content %}{% endblock %}</body></html>
"""


def test_it_takes_eight_lines():
    assert count_lines() <= 8


def install_here(stranger):
    """In place of the first block: this environment, which has what the wheel would bring."""
    (stranger.directory / ".venv").symlink_to(sys.prefix)
    stranger.run(stranger.commands[0].splitlines()[-1])


def set_up(stranger, more=""):
    """The stranger's lines, and the commands that are given once."""
    stranger.type_lines(more)
    migrate, create, check = stranger.commands[1].splitlines()
    manage = check.removesuffix("check")
    if "AUTH_USER_MODEL" in more:
        stranger.run(f"{manage} makemigrations people")
    stranger.run(migrate)
    stranger.run(f"{create} --noinput", DJANGO_SUPERUSER_USERNAME=ADA, DJANGO_SUPERUSER_EMAIL=ADA)
    if "STATIC_ROOT" in more:
        stranger.run(f"{manage} collectstatic --noinput")
    told = stranger.run(f"{check} 2>&1")
    assert "The collector has never run" in told and "The evaluator has never worked" in told, told
    people = shlex.quote(PEOPLE.format(name=BEA, password=PASSWORD))
    return re.search(r"KEY (\S+)", stranger.run(f"{manage} shell -c {people}"))[1]


def start_all(stranger):
    """The three processes; returns once they are ready."""
    serve, collect, work = stranger.commands[2].splitlines()
    stranger.start(f"{serve} --port {stranger.port}")
    stranger.start(collect)
    stranger.start(work)


def make_proposal(stranger, ada, prefix):
    """A number, a rule on it, and the proposal that comes of it."""
    stranger.run(stranger.commands[3])
    kpis = wait_for(lambda: ada.read(f"{prefix}api/v1/kpis/")["results"], stranger.tell_logs)
    assert kpis[0]["topic"] == "complaint.latency"
    rule = {
        "topic": "complaint.latency",
        "limit": 172_800,
        "window": 1800,
        "aggregate": "mean",
        "operator": "gt",
    }
    rule |= {"title": "Response time breach", "suggestion": "Hire 2 temp agents"}
    status, text = ada.ask(f"{prefix}api/v1/thresholds/", rule)
    assert status == 201, text
    return wait_for(lambda: ada.read(f"{prefix}api/v1/pipelines/")["results"], stranger.tell_logs)[0]


def decide(stranger, prefix="/"):
    """The whole way, over HTTP alone; what the pages and doors show on it."""
    origin = f"http://127.0.0.1:{stranger.port}"
    ada, bea = Visitor(origin), Visitor(origin)
    wait_for(lambda: ada.ask(f"{prefix}healthz")[0] == 200, stranger.tell_logs)
    for person, name in ((ada, ADA), (bea, BEA)):
        person.log_in("/admin/login/", username=name, password=PASSWORD)
    found = make_proposal(stranger, ada, prefix)
    assert "Hire 2 temp agents" in bea.ask(f"{prefix}inbox/")[1]
    path = f"{prefix}api/v1/pipelines/{found['id']}/"
    status, text = bea.ask(f"{path}approve/", {"version": 1, "comment": "yes"})
    assert status == 200, text
    assert bea.read(path)["state"] in ("approved", "executing", "executed")
    return ada


def look_around(stranger, ada, key, prefix="/"):
    """Every door of the installation: pages with all that they name, keys, health, figures, a stream."""
    for page in ("", "kpis/complaint.latency/", "inbox/", "inbox/1/", "open-data/"):
        status, text = ada.ask(prefix + page)
        assert status == 200, (page, text[:500])
        assert f'data-socket="{prefix}ws/metrics/"' in text
        for asset in re.findall(r'(?:href|src)="(/static/[^"]+)"', text):
            assert ada.ask(asset)[0] == 200, asset
    program = Visitor(ada.origin, key)
    assert program.read(f"{prefix}api/v1/kpis/complaint.latency/")["topic"] == "complaint.latency"
    wait_for(lambda: ada.ask(f"{prefix}readyz")[0] == 200, lambda: ada.ask(f"{prefix}readyz")[1])
    assert "hms_" in ada.ask(f"{prefix}metrics")[1]
    with ada.opener.open(f"{ada.origin}{prefix}metrics/stream?topic=complaint.latency&since=-3600") as stream:
        assert any(b"190000" in stream.readline() for _ in range(40))
    told = stranger.run(f"{stranger.commands[1].splitlines()[2]} 2>&1")
    assert "no issues" in told, told


PERSON = """
from django.contrib.auth.models import AbstractBaseUser, BaseUserManager, PermissionsMixin
from django.db import models

class People(BaseUserManager):
    def create_superuser(self, email, password, **more):
        person = self.model(email=email, is_superuser=True, **more)
        person.set_password(password)
        person.save()
        return person

class Person(AbstractBaseUser, PermissionsMixin):
    email = models.EmailField(unique=True)
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=True)
    objects = People()
    USERNAME_FIELD = EMAIL_FIELD = "email"
"""
USER = """
INSTALLED_APPS += ["people"]
AUTH_USER_MODEL = "people.Person"
"""


def bring_people(stranger):
    """A user model of the project's own, without ``username`` and without names."""
    stranger.write("people/__init__.py", "")
    stranger.write("people/models.py", PERSON)
    return USER


def bring_page(stranger):
    """A page of the project's own around those of the apps."""
    stranger.write("templates/metrics_app/base.html", BASE)
    return OWN_BASE


def bring_hashes(stranger):
    """Static files by hashed names, which are collected."""
    return MANIFEST


WAYS = {"own page": bring_page, "own people": bring_people, "hashed names": bring_hashes}


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
def test_the_guide_leads_to_a_decided_proposal(tmp_path, redis_url, way):
    """Under a prefix, so that no address is one that somebody wrote by hand."""
    with Stranger(tmp_path, redis_url, pythonpath=str(ROOT)) as stranger:
        install_here(stranger)
        stranger.files["city/urls.py"] = stranger.files["city/urls.py"].replace('path(""', 'path("hms/"')
        key = set_up(stranger, WAYS[way](stranger))
        start_all(stranger)
        ada = decide(stranger, "/hms/")
        look_around(stranger, ada, key, "/hms/")
        assert ("<h1>The city</h1>" in ada.ask("/hms/")[1]) is (way == "own page")


@pytest.mark.long
@pytest.mark.parametrize("django", ["Django==5.2.*", "Django"])
def test_a_wheel_in_a_fresh_environment_leads_to_a_decided_proposal(tmp_path, redis_url, django):
    """Nothing of this environment: what pip brings for the wheel, with 5.2 and the newest for this Python."""
    build(copy_source(tmp_path / "source"), tmp_path / "dist", "wheel")
    with Stranger(tmp_path, redis_url) as stranger:
        install_wheel(stranger, next((tmp_path / "dist").glob("*.whl")), django)
        key = set_up(stranger)
        start_all(stranger)
        look_around(stranger, decide(stranger), key)


def install_wheel(stranger, wheel, django):
    """The first block, with the wheel in place of its name; the Django that is asked for."""
    make, install, begin = stranger.commands[0].splitlines()
    stranger.run(make.replace("python3", sys.executable))
    stranger.run(f"{install.replace('hms-gov-metrics', str(wheel))} '{django}'")
    stranger.run(begin)
