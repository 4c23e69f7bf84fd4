"""`manage.py demo` as a newcomer meets it: everything starts, works and ends."""

import os
import shutil
import signal
import socket
import stat
import subprocess
import sys

import pytest

from hms_gov.demo import Demo
from hms_gov.service import Stopped
from tests.demos import ROOT, RunningDemo, find_child, is_running, list_children, make_environment, wait_for
from tests.walking import Shell, split_steps, walk

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("DATABASE_URL" in os.environ, reason="a demo here has a SQLite of its own"),
]


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    directory = tmp_path_factory.mktemp("demo") / "data"
    with RunningDemo(directory, "--port", "0", "--no-traffic") as running:
        yield running


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    """Another one, in which nothing was done before the exercise is walked."""
    directory = tmp_path_factory.mktemp("second") / "data"
    with RunningDemo(directory, "--port", "0", "--no-traffic") as running:
        yield running


def run_demo(*arguments):
    """The ended process of a demo that cannot start."""
    command = [sys.executable, str(ROOT / "manage.py"), "demo", *arguments]
    return subprocess.run(command, env=make_environment(), capture_output=True, text=True, timeout=120)


def test_it_writes_what_programs_need_for_its_owner_only(demo):
    assert set(demo.facts) == {
        "url",
        "admin",
        "approver",
        "emit_key",
        "read_key",
        "propose_key",
        "partner_key",
        "redis_url",
    }
    assert set(demo.facts["admin"]) == set(demo.facts["approver"]) == {"username", "password"}
    for name in ("demo.json", "redis.url", "credentials.json", "secret_key"):
        assert stat.S_IMODE((demo.directory / name).stat().st_mode) == 0o600


def test_all_that_it_keeps_is_for_its_owner_only(demo):
    assert stat.S_IMODE(demo.directory.stat().st_mode) == 0o700
    others = [path.name for path in demo.directory.rglob("*") if path.stat().st_mode & 0o077]
    assert not others


def test_it_says_where_it_runs_and_how_to_get_in(demo):
    # The last line of it; the file that says it is ready is there a moment before.
    wait_for(lambda: "Ctrl-C" in demo.output.read_text(), what="the greeting")
    said = demo.output.read_text()
    assert demo.url in said
    assert demo.facts["admin"]["password"] in said


def test_its_seed_emits_nothing(demo):
    topics = [kpi["topic"] for kpi in demo.get("/api/v1/kpis/")["results"]]
    assert sorted(topics)[:4] == [
        "complaint.latency",
        "complaint.oldest_age",
        "complaint.open",
        "complaint.received",
    ]
    assert demo.count_points("complaint.oldest_age") == 0


def test_it_counts_what_is_emitted(demo):
    assert demo.emit([{"topic": "test.emitted"}] * 10).json() == {"accepted": 10}
    wait_for(lambda: demo.count_points("test.emitted") == 10, what="the count")


def test_other_commands_join_it(demo):
    demo.manage("emit", "test.joined", "7")
    wait_for(lambda: demo.count_points("test.joined") == 1, what="the point")


def test_people_log_in_and_the_approver_is_not_staff(demo):
    assert demo.log_in("admin").get(f"{demo.url}/admin/", timeout=60).status_code == 200
    approver = demo.log_in("approver")
    assert "/login/" in approver.get(f"{demo.url}/admin/", timeout=60).url
    assert approver.get(f"{demo.url}/inbox/", timeout=60).status_code == 200


def test_a_second_one_in_the_same_directory_is_refused_in_one_line(demo):
    done = run_demo("--data-dir", str(demo.directory), "--port", "0")
    assert done.returncode == 1
    assert f"A demo already runs in {demo.directory} (process {demo.popen.pid}, {demo.url})" in done.stderr
    assert len(done.stderr.splitlines()) == 1


class Noting(Demo):
    """A demo that notes what it would do, up to loading what its parts run."""

    noted = ()

    def begin_step(self, name, *arguments):
        """Notes it."""
        self.noted += (f"begins {name}",)
        return name

    def end_step(self, step, what):
        """Notes it."""
        self.noted += (f"{step} ended",)

    def load(self):
        """As far as this goes."""
        raise Stopped


def test_what_pages_need_is_there_before_the_web_server_looks_how_long_its_files_are(tmp_path):
    demo = Noting(port=0, directory=tmp_path, traffic=False, say=print, warn=print)
    with demo.listener, demo.lock:
        demo.state["environment"] = True
        with pytest.raises(Stopped):
            demo.start()
        assert demo.noted == ("begins build_assets", "build_assets ended", "begins prepare_demo")


def test_a_port_in_use_is_said_in_one_line_and_nothing_starts(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run_demo("--data-dir", str(tmp_path / "data"), "--port", port)
    assert done.returncode == 1
    assert f"Port {port} cannot be used" in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (tmp_path / "data" / "redis").exists()


def test_a_redis_that_is_away_is_said_in_one_line(tmp_path):
    command = [
        sys.executable,
        str(ROOT / "manage.py"),
        "demo",
        "--data-dir",
        str(tmp_path / "data"),
        "--port=0",
    ]
    environment = make_environment(REDIS_URL="redis://:secret@127.0.0.1:1/0")
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert "The Redis of REDIS_URL does not answer" in done.stderr
    assert "secret" not in done.stderr


def test_it_starts_again_what_died(demo):
    pids = {name: find_child(demo.popen.pid, name) for name in ("web", "collect")}
    for pid in pids.values():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: all(find_child(demo.popen.pid, name) not in (None, pid) for name, pid in pids.items()))
    # The port was open all the time: this request waits instead of failing.
    assert demo.emit([{"topic": "test.again"}]).status_code == 202
    wait_for(lambda: demo.count_points("test.again") == 1, what="the point")
    assert "collect ended (code -9) and starts again" in demo.output.read_text()


def test_real_complaints_walk_the_whole_way_to_one_approved_proposal(demo, boston_cases):
    output = demo.manage("replay", str(boston_cases), "--speed", "max")
    assert "Sent 112,821 points" in output
    wait_for(lambda: demo.count_points("complaint.latency") == 54_570, what="the last point")
    assert demo.count_points("complaint.received") == 58_251
    stats = demo.get("/api/v1/kpis/complaint.latency/stats/", window=1800)
    assert stats["mean"] == pytest.approx(3_576_954.334, abs=0.001)
    assert [stats[name] for name in ("p50", "p95", "p99")] == pytest.approx(
        [79_835, 18_663_798.35, 76_725_333.92], rel=0.01
    )
    approver = demo.log_in("approver")
    pipeline = wait_for(lambda: list_waiting(demo, approver), what="the proposal")[0]
    assert (pipeline["title"], pipeline["suggestion"]) == ("Response time breach", "Hire 2 temp agents")
    assert demo.get("/api/v1/thresholds/")["results"][0]["state"] == "firing"
    decided = approver.post(
        f"{demo.url}/api/v1/pipelines/{pipeline['id']}/approve/",
        json={"version": pipeline["version"]},
        timeout=60,
    )
    assert decided.status_code == 200, decided.text
    assert decided.json()["decisions"][0]["by"] == "approver"
    assert list_waiting(demo, approver) == []
    assert approver.get(f"{demo.url}/api/v1/pipelines/", timeout=60).json()["count"] == 1


def list_waiting(demo, session):
    """The proposals that wait for a decision."""
    address = f"{demo.url}/api/v1/pipelines/?state=awaiting_approval"
    return session.get(address, timeout=60).json()["results"]


def test_simulated_complaints_move_every_tile_within_seconds(demo):
    topics = ("complaint.received", "complaint.latency", "complaint.open", "complaint.oldest_age")
    before = [demo.count_points(topic) for topic in topics]
    traffic = demo.begin("simulate_traffic", "--per-hour", "3600")
    try:
        wait_for(lambda: all(demo.count_points(t) > n for t, n in zip(topics, before, strict=True)))
        traffic.send_signal(signal.SIGINT)
        assert traffic.wait(30) == 0
    finally:
        traffic.kill()


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page asks for curl, which is not here")
def test_every_step_of_the_exercise_prints_what_its_page_says(second, tmp_path):
    (tmp_path / ".demo").symlink_to(second.directory)
    walk(Shell(tmp_path), split_steps()[0][1:])


def test_a_second_one_beside_it_knows_nothing_of_it_and_leaves_nothing_behind(demo, second):
    demo.emit([{"topic": "test.first"}])
    with second:
        assert second.emit([{"topic": "test.second"}]).status_code == 202
        wait_for(lambda: second.count_points("test.second") == 1, what="the point")
        assert second.count_points("test.first") == 0
        before = second.facts
        children = list_children(second.popen.pid)
        assert len(children) >= 6
        assert second.stop(signal.SIGINT) == 0
        wait_for(lambda: not any(map(is_running, children)), what="the end")
    with RunningDemo(second.directory, "--port", "0", "--no-traffic") as second:
        # Log-ins, keys and points survive.
        assert {**second.facts, "url": "", "redis_url": ""} == {**before, "url": "", "redis_url": ""}
        assert second.count_points("test.second") == 1
        children = list_children(second.popen.pid)
        second.popen.kill()
        wait_for(lambda: not any(map(is_running, children)), what="the end of the orphans")


def test_without_traffic_there_is_no_past(demo):
    past = demo.get(
        "/api/v1/kpis/complaint.received/series/", start=-30 * 86_400, end=-3 * 86_400, step=86_400
    )
    assert set(past["count"]) == {0}
    assert demo.get("/api/v1/notes/")["count"] == 0
