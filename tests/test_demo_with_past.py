"""`manage.py demo` with its traffic: the past is there with the first answer, and once."""

import os
import shutil

import pytest

from tests.demos import RunningDemo, wait_for
from tests.walking import Shell, hide_effects, split_steps, walk

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif("DATABASE_URL" in os.environ, reason="a demo here has a SQLite of its own"),
]


@pytest.fixture(scope="module")
def busy(tmp_path_factory):
    directory = tmp_path_factory.mktemp("busy") / "data"
    with RunningDemo(directory, "--port", "0") as running:
        yield running


SIMULATED = ("complaint.received", "complaint.latency", "complaint.open", "complaint.oldest_age")


def test_with_traffic_a_day_a_week_and_a_quarter_are_full_from_the_first_answer_on(busy):
    for topic in SIMULATED:
        for back, step in ((86_400, 3_600), (7 * 86_400, 3_600), (90 * 86_400, 86_400)):
            address = f"/api/v1/kpis/{topic}/series/"
            columns = busy.get(address, start=-back, end=-4 * 3_600, step=step)
            assert 0 not in columns["count"]


def test_the_traffic_goes_on_where_the_past_ended_without_a_jump(busy):
    wait_for(lambda: busy.count_points("complaint.open") > 300, what="the hour before the start")
    columns = busy.get("/api/v1/kpis/complaint.open/series/", start=-3 * 3_600, end=-60, step=60)
    counted = [mean for mean in columns["mean"] if mean is not None]
    # A minute without a gauge is where the past ends: the first comes ten seconds later.
    assert len(counted) >= len(columns["mean"]) - 1
    steps = [abs(b - a) for a, b in zip(counted, counted[1:], strict=False)]
    assert max(steps) < 20


def test_started_again_it_seeds_no_second_past(busy):
    def count_past():
        columns = busy.get(
            "/api/v1/kpis/complaint.received/series/", start=-300 * 86_400, end=-86_400, step=86_400
        )
        return columns["ts"][-1], columns["count"][-30:]

    before = count_past()
    said = busy.manage("seed_demo", "--past", "--credentials", str(busy.directory / "credentials.json"))
    assert "No past was made up: complaints were counted before." in said
    assert count_past() == before
    log = busy.directory / "logs/prepare_demo.log"
    assert "400 days of complaints were made up" in log.read_text()


@pytest.mark.skipif(shutil.which("curl") is None, reason="the page asks for curl, which is not here")
def test_the_exercise_reads_what_was_judged_in_the_past(busy, tmp_path):
    (tmp_path / ".demo2").symlink_to(busy.directory)
    first, second = split_steps()
    taking_keys = next(step for step in first if "fact()" in step[0])
    shell = Shell(tmp_path)
    shell.run(taking_keys[0].partition("\nURL=")[0])
    walk(shell, second[1:], hide_effects)


def test_the_chain_of_what_was_decided_in_the_past_is_whole(busy):
    assert "nothing was edited" in busy.manage("verify_audit")
