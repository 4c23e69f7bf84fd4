"""The agents of docs/agents.md, run as they are written against a real server."""

import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from metrics_app import bus
from metrics_app.collector import collect_all
from metrics_app.models import Kpi
from metrics_app.services.keys import create_key
from pipelines_app.models import Pipeline
from tests.metrics_app.streams.servers import Server, make_environment

ROOT = Path(__file__).resolve().parent.parent
HOUR = 3600
AGENTS = {
    "python": [sys.executable, str(ROOT / "docs/agents/watch_latency.py")],
    "js": ["node", str(ROOT / "docs/agents/watch-latency.mjs")],
}
pytestmark = [pytest.mark.slow, pytest.mark.any_database]


@pytest.fixture
def server(transactional_db):
    """A server of its own process, on the test's database and Redis."""
    Kpi.objects.create(topic="complaint.latency", unit="seconds", aggregate="mean", window=1800)
    server = Server("uvicorn")
    yield server
    server.stop()


def send(*hours):
    """Answers that took so many hours, in the hot window when it returns."""
    ts = np.full(len(hours), int(time.time() * 1000) - 5_000)
    bus.publish({"complaint.latency": (ts.astype(np.int64), np.array(hours, np.float64) * HOUR)})
    collect_all()


def run(name, server, key):
    """What an agent says when it looks once."""
    environment = make_environment(HMS_URL=server.url, HMS_KEY=key)
    found = subprocess.run(
        [*AGENTS[name], "--once"], env=environment, capture_output=True, text=True, timeout=120
    )
    assert found.returncode == 0, found.stderr
    return found.stdout + found.stderr


@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_proposes_once_while_the_mean_is_beyond_the_limit(name, server):
    key = create_key(name="watcher", scopes=["read", "propose"])[1]
    send(40)
    assert run(name, server, key) == ""
    assert not Pipeline.objects.exists()
    send(60, 62)
    assert "awaiting_approval, noted 0 times" in run(name, server, key)
    assert "awaiting_approval, noted 1 times" in run(name, server, key)
    pipeline = Pipeline.objects.get()
    assert (pipeline.program, pipeline.topic, pipeline.kpi) == ("watcher", "complaint.latency", 54 * HOUR)
    assert pipeline.rationale.startswith(
        "3 answers of the last half hour took 54.0 h on average, beyond 48 h"
    )
    [named] = pipeline.evidence["named"]
    assert (named["value"], named["said"]) == (54 * HOUR, "mean over 30 min 2 d 6 h")


@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_tells_why_it_was_refused(name, server):
    send(60)
    said = run(name, server, create_key(name="reader", scopes=["read"])[1])
    assert "403" in said and "This key lacks the scope 'propose'" in said


@pytest.mark.parametrize(("word", "name"), [("python", "python"), ("js", "js")])
def test_the_page_shows_what_the_agents_say(word, name):
    page, agent = (ROOT / "docs/agents.md").read_text(), Path(AGENTS[name][1]).read_text()
    [block] = re.findall(rf"```{word}\n(.*?)```", page, re.DOTALL)
    assert block in agent
