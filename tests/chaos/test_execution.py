"""Workers that are killed at each step from the approval to the verdict.

A real receiver has applied each key once, and there is one verdict, judged once.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.utils import timezone
from standardwebhooks import Webhook

from hms_gov.ties import Tied
from pipelines_app.models import Effect, Pipeline
from pipelines_app.services import approve, propose
from pipelines_app.services.verify import verify_audit
from tests.chaos.test_notices import ROOT, address_of
from tests.hms_gov.joins.measured import carry_out, seed
from tests.metrics_app.telling import SECRET, allow, make_receiver, serve

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]
PATIENCE = 180  # seconds until everything must have been carried out
# Where a worker dies: before or after each thing that it does with an errand.
STEPS = {
    "claimed": ("pipelines_app.services.errands.drain", "run_errand", "before"),
    "begun": ("pipelines_app.services.errands.act", "begin", "after"),
    "about to call": ("pipelines_app.services.errands.act", "call_action", "before"),
    "called": ("pipelines_app.services.errands.act", "call_action", "after"),
    "about to end": ("pipelines_app.services.errands.act", "end_errand", "before"),
    "done, not being measured": ("pipelines_app.services.errands.act", "begin_measuring", "before"),
    "written, not committed": ("pipelines_app.services.errands.act", "record_end", "after"),
    "ended": ("pipelines_app.services.errands.act", "finish", "after"),
}
# The same of what measures; one of them stays in the short run.
MEASURE = "pipelines_app.services.errands.measure"
MEASURING = {
    "claimed": ("pipelines_app.services.errands.drain", "run_errand", "before"),
    "about to read": (MEASURE, "ask", "before"),
    "read, not judged": ("pipelines_app.core.measuring", "judge_effect", "before"),
    "judged, not stored": (MEASURE, "finish", "before"),
    "stored, not moved": (MEASURE, "move", "before"),
    "moved, not committed": (MEASURE, "move", "after"),
    "committed, not ended": (MEASURE, "finish", "after"),
}
SHORT = "moved, not committed"
# As the worker does it, but a claim of the dead is free after a second. One process loads the site and
# has a fork work until that dies at a step; then it works itself.
WORKER = """
import os, sys, time
os.environ["DJANGO_SETTINGS_MODULE"] = "hms_gov.settings"
import django
django.setup()
from datetime import timedelta
from importlib import import_module
from pipelines_app.services.errands import plan
from pipelines_app.services import run_errands
plan.CLAIM = timedelta(seconds=1)
room, name, when = sys.argv[1:]
def work():
    while True:
        run_errands()
        time.sleep(0.05)
doomed = os.fork()
if not doomed:
    module = import_module(room)
    function = getattr(module, name)
    def die(*args, **more):
        if when == "after":
            function(*args, **more)
        os.kill(os.getpid(), 9)
    setattr(module, name, die)
    work()
print(os.waitstatus_to_exitcode(os.waitpid(doomed, 0)[1]), flush=True)
work()
"""


def describe_environment(settings, **more):
    """The environment in which a worker finds the database, the Redis and the keys of this test."""
    app = settings.METRICS_APP
    places = {"REDIS_URL": app["REDIS_URL"], "REDIS_PREFIX": app["REDIS_PREFIX"]}
    return os.environ | places | {"DATABASE_URL": address_of(connection)} | more


def kill_and_go_on(environment, step, is_over):
    """A worker dies at a step, then another works until it is over."""
    command = [sys.executable, "-c", WORKER, *step]
    worker = Tied(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    # Without an end it would be waited for in vain.
    late = threading.Timer(PATIENCE, os.killpg, (worker.pid, signal.SIGKILL))
    late.start()
    try:
        assert worker.stdout.readline() == "-9\n", "it died at that step"
        deadline = time.monotonic() + PATIENCE
        while not is_over() and time.monotonic() < deadline:
            time.sleep(0.1)
    finally:
        late.cancel()
        os.killpg(worker.pid, signal.SIGKILL)
        worker.wait()
        worker.stdout.close()


@pytest.mark.parametrize("step", STEPS, ids=lambda name: name.replace(" ", "_"))
def test_a_worker_killed_at_any_step_leaves_one_application_of_its_key(settings, step):
    boss = User.objects.create_superuser("boss")
    with serve(204, body=b"") as server:
        allow(settings, server.url)
        make_receiver("hr-desk", kind="webhook", webhook="pager", addresses=[])
        hooks = json.dumps(settings.METRICS_APP["WEBHOOKS"])
        environment = describe_environment(settings, NOTICE_WEBHOOKS=hooks, WEBHOOK_NETWORKS="127.0.0.0/8")
        pipeline = propose(
            title="Slow", suggestion="Hire 2", action="webhook", action_params={"receiver": "hr-desk"}
        )[0]
        # Approved long ago: due at once.
        past = timezone.now() - timedelta(minutes=1)
        approve(pipeline=pipeline, by=boss, version=1, now=past)
        kill_and_go_on(environment, STEPS[step], lambda: Pipeline.objects.get().state == "done")
    assert Pipeline.objects.get().state == "done"
    for got in server.posts:
        Webhook(SECRET).verify(got.body, got.headers)
    keys = Counter(got.headers["webhook-id"] for got in server.posts)
    # A repeat carries the same key: a receiver that knows it has applied it once.
    assert set(keys) == {f"pipeline:{pipeline.pk}:1"} and sum(keys.values()) <= 2
    assert list(pipeline.moves.values_list("event", flat=True)) == ["proposed", "approved", "begun", "done"]
    assert verify_audit().faults == []


@pytest.mark.parametrize(
    "step",
    [
        pytest.param(step, id=step.replace(" ", "_"), marks=[] if step == SHORT else [pytest.mark.long])
        for step in MEASURING
    ],
)
def test_a_worker_killed_at_any_step_of_measuring_leaves_one_verdict_that_was_judged_once(settings, step):
    # Carried out three weeks ago: what came of it is due at once.
    pipeline = carry_out(seed(factor=0.7, noise=0.02), User.objects.create_superuser("boss"))
    assert pipeline.state == "measuring" and not Effect.objects.exists()
    errands = pipeline.errands.filter(kind="measure")
    is_over = errands.exclude(done_at=None).exists
    kill_and_go_on(describe_environment(settings), MEASURING[step], is_over)
    effect, errand = Effect.objects.get(), errands.get()
    assert (Pipeline.objects.get().state, effect.document["effect"]["verdict"]) == ("effective", "effective")
    # What was committed is not looked at a second time; what was not was judged anew.
    assert errand.attempts == (1 if step == "committed, not ended" else 2)
    assert (errand.outcome, errand.error, errand.done_at) == ("effective", "", effect.judged_at)
    events = list(pipeline.moves.values_list("event", flat=True))
    assert events == ["proposed", "approved", "handed over", "done", "measuring", "judged"]
    assert verify_audit().faults == []
