"""`manage.py replay`: what a person sees of it, and the real complaints."""

import io

import pytest
from django.core.management import CommandError, call_command

from metrics_app import queries
from metrics_app.collector import collect_all
from metrics_app.management.progress import ProgressBar

pytestmark = pytest.mark.django_db


@pytest.fixture
def cases(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_text(
        "id,created,closed,type\n"
        "1,2011-07-01T00:00:00Z,2011-07-01T01:00:00Z,Noise\n"
        "1,2011-07-01T00:00:00Z,2011-07-01T01:00:00Z,Noise\n"
        "2,2011-07-01T00:00:00Z,2011-06-01T00:00:00Z,Noise\n"
        "3,2011-07-02T00:00:00Z,,Street Light\n"
    )
    return str(path)


def replay(*arguments):
    """What the command prints."""
    output = io.StringIO()
    call_command("replay", *arguments, stdout=output, stderr=io.StringIO())
    return output.getvalue()


def test_it_says_what_it_sent_and_what_it_left_out(cases):
    output = replay(cases)
    assert "1 row skipped: the id came before in the file." in output
    refused = "1 impossible answer refused; the cases count as received:\n  line 4: closed before created"
    assert refused in output
    assert "complaint.received: 3 points\ncomplaint.latency: 1 point\nSent 4 points" in output


def test_it_sends_to_other_topics_and_to_kinds(cases):
    replay(cases, "--received-topic", "case.in", "--latency-topic", "case.took", "--split-column", "type")
    collect_all()
    assert set(queries.list_topics()) == {
        "case.in",
        "case.in.noise",
        "case.in.street_light",
        "case.took",
        "case.took.noise",
    }


def test_it_skips_what_an_earlier_run_sent_with_its_own_times(cases):
    assert "Sent 4 points" in replay(cases, "--times", "original")
    again = replay(cases, "--times", "original")
    assert "4 points were sent by an earlier run, and skipped." in again
    assert "Sent no point" in again


def test_without_ids_the_file_again_is_nothing_and_with_new_rows_it_is_these(tmp_path):
    path = tmp_path / "cases.csv"
    header, noise, light = "created,closed,type", "2011-07-01T00:00:00Z,,Noise", "2011-07-01T00:00:00Z,,Light"

    def send(*rows):
        path.write_text("\n".join([header, *rows]) + "\n")
        return replay(str(path), "--times", "original", "--id-column", "")

    assert "Sent 3 points" in send(noise, noise, light)
    assert "Sent no point" in send(light, noise, noise)
    assert "Sent 2 points" in send("2011-06-01T00:00:00Z,,Noise", noise, noise, noise, light)
    # Answered since: the answer is new, the complaint is not.
    assert "Sent 1 point " in send(noise, noise, noise, "2011-07-01T00:00:00Z,2011-07-02T00:00:00Z,Light")


def test_a_file_of_which_too_little_can_be_read_sends_nothing_and_names_what_is_bad(tmp_path):
    path, output = tmp_path / "cases.csv", io.StringIO()
    path.write_text("id,created,closed\n1,2011-07-01T00:00:00Z,\n2,yesterday,\n")
    with pytest.raises(CommandError, match="nothing was sent: 1 of 2 rows is bad"):
        call_command("replay", str(path), stdout=output, stderr=io.StringIO())
    collect_all()
    assert not queries.list_topics()
    named = "cannot be read:\n  line 3: created: 'yesterday' is not a time"
    # Left out it is only where the others were sent.
    assert f"1 row {named}" in output.getvalue() and "left out" not in output.getvalue()
    assert f"1 row left out, which {named}" in replay(str(path), "--max-bad", "50")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["/nowhere.csv"], "/nowhere.csv cannot be read: No such file"),
        (["CASES", "--speed", "fast"], "--speed fast: expected a positive number, or max"),
        (["CASES", "--speed", "0"], "expected a positive number"),
        (["CASES", "--limit", "-1"], "--limit -1 reads no row: expected 1 or more"),
        (["CASES", "--created-column", "opened"], "no column 'opened'"),
        (["CASES", "--id-column", "TYPO"], "no column 'TYPO', only 'id', .*--id-column"),
        (["CASES", "--max-bad", "101"], "--max-bad 101 is not between 0 and 100 per cent"),
        (["CASES", "--latency-topic", "er wait"], "'er wait' is not a topic"),
    ],
)
def test_it_says_in_one_line_what_is_wrong(cases, arguments, message):
    with pytest.raises(CommandError, match=message):
        replay(*(cases if argument == "CASES" else argument for argument in arguments))


def test_it_says_where_redis_should_be(cases, settings, monkeypatch):
    settings.METRICS_APP = {**settings.METRICS_APP, "REDIS_URL": "redis://127.0.0.1:1/0"}
    monkeypatch.setattr("metrics_app.services.replay.RETRIES", ())
    with pytest.raises(CommandError, match="redis://127.0.0.1:1") as caught:
        replay(cases)
    assert "sent before" not in str(caught.value), "none could have been"


def test_it_draws_its_progress_on_a_terminal_only():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    terminal, file = Terminal(), io.StringIO()
    ProgressBar(terminal, 200).show(100)
    ProgressBar(file, 200).show(100)
    assert " 50%  100 of 200 points" in terminal.getvalue()
    assert file.getvalue() == ""


def test_it_replays_the_real_complaints_exactly(boston_cases):
    output = replay(str(boston_cases))
    assert "complaint.received: 58,251 points\ncomplaint.latency: 54,570 points" in output
    collect_all()
    assert queries.stats("complaint.received", 600)["count"] == 58_251
    latency = queries.stats("complaint.latency", 600)
    assert latency["count"] == 54_570
    assert latency["mean"] == pytest.approx(3_576_954.334, abs=0.001)
    assert latency["p50"] == pytest.approx(79_835, rel=0.01)
    assert latency["p95"] == pytest.approx(18_663_798.35, rel=0.01)
    assert latency["p99"] == pytest.approx(76_725_333.92, rel=0.01)
    assert queries.mean_last("complaint.latency", 600) == pytest.approx(3_576_954.334, abs=0.001)
