"""``manage.py backtest --csv``: whatever file somebody has, without a database."""

import json

import pytest
from django.core.management import CommandError, call_command

HOUR = 3_600
RULE = {
    "topic": "complaint.latency",
    "aggregate": "mean",
    "window": 1800,
    "operator": "gt",
    "limit": 172_800.0,
}
CASES = """id,created,closed,type
1,2026-03-01T00:00:00+00:00,2026-03-04T00:00:00+00:00,Noise
2,2026-03-03T23:00:00+00:00,2026-03-04T01:00:00+00:00,Street Light
3,2026-03-03T23:00:00+00:00,,Noise
"""
THIRD = 1_772_582_400_000  # 2026-03-04T00:00Z, when the first case was closed after three days
POINTS = {
    "ts,value": f"{THIRD},259200\n2026-03-04T01:00:00Z,7200\n",
    "at,value": f"{THIRD},259200\n2026-03-04T01:00:00Z,7200\n",
    "topic,ts,value": f"er.wait,{THIRD},259200\ner.other,{THIRD},1\ner.wait,2026-03-04T01:00:00Z,7200\n",
    "id,ts,value": f"1,{THIRD},259200\n1,{THIRD},1\n2,2026-03-04T01:00:00Z,7200\n",
}


@pytest.fixture
def judge(tmp_path, capsys):
    """Judges a text as a file: ``(the figures, what was said beside them)``. No test here has a database."""

    def judge_text(text, **options):
        path = tmp_path / "file.csv"
        path.write_text(text)
        call_command("backtest", csv=str(path), json=True, **RULE | options)
        out, err = capsys.readouterr()
        return json.loads(out), err

    return judge_text


def test_it_needs_no_database(judge):
    found, said = judge(CASES)
    assert (found["ticks"], found["ticks_in_breach"], said) == (91, 30, "")


def test_it_speaks_of_latencies_as_of_durations(tmp_path, capsys):
    path = tmp_path / "cases.csv"
    path.write_text(CASES)
    call_command("backtest", csv=str(path), **RULE)
    out = capsys.readouterr().out
    assert "mean over 30 min above 48 h" in out and "worst 3 d" in out


def test_it_takes_the_columns_that_replay_takes(judge):
    text = CASES.replace("id,created,closed,type", "number,opened,done,kind")
    columns = {"created_column": "opened", "closed_column": "done", "id_column": "number"}
    assert judge(text, **columns)[0] == judge(CASES)[0]
    noise = judge(text, **columns, split_column="kind", topic="complaint.latency.noise")[0]
    assert (noise["ticks"], noise["ticks_in_breach"]) == (31, 30)
    assert judge(text, **columns | {"id_column": ""})[0] == judge(CASES)[0]
    with pytest.raises(CommandError, match="no column 'TYPO'"):
        judge(CASES, id_column="TYPO")


def test_a_topic_that_the_cases_do_not_give_is_refused(judge):
    with pytest.raises(CommandError, match="the cases give complaint.received and complaint.latency"):
        judge(CASES, topic="er.wait")


@pytest.mark.parametrize("header", POINTS)
def test_it_judges_a_plain_table_of_points(judge, header):
    options = {"ts_column": "at"} if header.startswith("at") else {}
    found, said = judge(f"{header}\n{POINTS[header]}", topic="er.wait", **options)
    assert (found["ticks"], found["ticks_in_breach"]) == (91, 30)
    # As in an import an id counts once.
    assert ("1 row skipped: the id came before" in said) == header.startswith("id")


def test_it_says_which_rows_it_left_out_to_people_and_to_programs(judge):
    text = CASES + '4,soon,,Noise\n5,2026-03-03T23:00:00Z,2026-03-02T23:00:00Z,Noise\n3,,,\n6,"2026\n'
    found, said = judge(text.replace("3,,,", "3,2026-03-03T23:00:00Z,,"), max_bad=50)
    rows = found.pop("rows")
    whole = judge(CASES)[0]
    assert whole.pop("rows") == {
        "read": 3,
        "taken": 3,
        "repeated": 0,
        "bad": {"count": 0, "named": []},
        "refused": {"count": 0, "named": []},
    }
    assert found == whole
    assert (rows["read"], rows["repeated"], rows["bad"]["count"], rows["refused"]["count"]) == (7, 1, 2, 1)
    assert rows["taken"] == 4, "what was read is not what was taken"
    for words, told in (
        ("2 rows left out, which cannot be read:", rows["bad"]),
        ("1 impossible answer refused; the cases count as received:", rows["refused"]),
    ):
        assert (
            "\n".join([words, *(f"  line {row['line']}: {row['reason']}" for row in told["named"])]) in said
        )
    assert [row["line"] for row in rows["bad"]["named"]] == [5, 8]
    received = judge(text, topic="complaint.received", aggregate="count", limit=2.0, skip_bad=True)[0]
    assert received["ticks_in_breach"] == 30


@pytest.mark.parametrize(
    ("text", "options", "only"),
    [
        (f"topic,ts,value\ner.wait,{THIRD},1\n", {"topic": "er.wiat"}, " of er.wiat, only of er.wait:"),
        (
            "topic,ts,value\n" + "".join(f"er.n{n:02},{THIRD},1\n" for n in range(12)),
            {"topic": "er.wait"},
            " of er.wait, only of er.n00, .*, er.n09 and 2 more:",
        ),
        (
            f"topic,ts,value\ner.wait,{THIRD},1\ner.wait,{THIRD},no\ner.bad,{THIRD},no\n",
            {"topic": "er.bad", "skip_bad": True},
            " of er.bad, only of er.wait:",
        ),
        (
            CASES,
            {"topic": "complaint.latency.graffiti", "split_column": "type"},
            ", only of complaint.latency, complaint.latency.noise, complaint.latency.street_light, complaint",
        ),
        ("id,created,closed\n1,2026-03-01T00:00:00Z,\n", {}, " of complaint.latency, only of .*received:"),
        ("id,created,closed\n1,2026-03-02T00:00:00Z,2026-03-01T00:00:00Z\n", {}, ", only of .*received:"),
    ],
)
def test_a_file_without_a_point_of_the_topic_is_refused_and_says_what_it_has(
    judge, capsys, text, options, only
):
    with pytest.raises(CommandError, match=f"file.csv: it holds no point.*{only}.* nothing can be judged"):
        judge(text, **options)
    out, err = capsys.readouterr()
    assert not out and "left out" not in err, "nothing was judged, and nothing left out of it"


def test_fifteen_years_with_few_points_are_no_matter_of_size(judge):
    text = f"ts,value\n{THIRD - 15 * 365 * 86_400_000},259200\n{THIRD},7200\n"
    found, _ = judge(text, step=1)
    assert (found["ticks"], found["ticks_in_breach"]) == (15 * 365 * 86_400 + 1_801, 1_800)
