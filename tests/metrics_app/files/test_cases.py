"""Files of cases are read as they are: late, doubled, impossible rows and all."""

import pytest

from metrics_app.exceptions import BadInput
from metrics_app.files.cases import Columns, join_topic, make_slug
from tests.metrics_app.cases import read_cases

HOUR = 3_600_000  # milliseconds


@pytest.fixture
def read(tmp_path):
    """Reads lines of text as a file of cases."""

    def read_lines(*lines, header="id,created,closed,type", **options):
        path = tmp_path / "cases.csv"
        path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
        return read_cases(path, **options)

    return read_lines


def test_it_reads_instants_whatever_their_offset(read):
    cases = read("1,2011-07-01T01:00:00-04:00,2011-07-01T06:00:00+00:00,Noise")
    row = cases.rows[0]
    assert (row.line, row.id, row.closed - row.created) == (2, "1", HOUR)


def test_it_counts_real_hours_over_a_change_of_daylight_saving(read):
    cases = read("1,2011-11-06T00:30:00-04:00,2011-11-06T02:30:00-05:00,Noise")
    assert cases.rows[0].closed - cases.rows[0].created == 3 * HOUR


def test_it_takes_an_open_case_without_a_latency(read):
    assert read("1,2011-07-01T01:00:00Z,,Noise").rows[0].closed is None


def test_it_skips_and_counts_an_id_that_came_before(read):
    cases = read("1,2011-07-01T01:00:00Z,,a", "1,2011-07-02T01:00:00Z,,a", "2,2011-07-02T01:00:00Z,,a")
    assert ([row.id for row in cases.rows], cases.repeated) == (["1", "2"], 1)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1,2011-07-02,2011-07-03T00:00:00Z,a", "no UTC offset"),
        ("1,yesterday,,a", "'yesterday' is not a time"),
        ("1,,2011-07-03T00:00:00Z,a", "created is empty"),
        (",2011-07-02T00:00:00Z,,a", "id is empty"),
        ("1,1999-12-31T00:00:00Z,,a", "before 2000-01-01"),
        ("1", "the row ends before its column 'created'"),
        ('"1\n2",2011-07-02T00:00:00Z,,a', "id holds several lines"),
    ],
)
def test_it_names_a_row_that_is_no_case_by_its_line(read, line, reason):
    cases = read("0,2011-07-01T01:00:00Z,,a", line)
    assert [row.id for row in cases.rows] == ["0"]
    [(at, why)] = cases.bad.named
    assert at == 3 and reason in why and cases.read == 2


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (
            "1,2011-07-02T00:00:00Z,2011-07-01T00:00:00Z,a",
            "closed before created (2011-07-01T00:00:00Z < 2011",
        ),
        ("1,2011-07-02T00:00:00Z,1900-01-01T00:00:00Z,a", "before 2000-01-01"),
        ("1,2011-07-02T00:00:00Z,soon,a", "'soon' is not a time"),
        ("1,2011-07-02T00:00:00Z,2011-07-03,a", "no UTC offset"),
        ("1,2011-07-02T00:00:00Z", "the row ends before its column 'closed'"),
    ],
)
def test_an_answer_that_cannot_be_is_refused_and_the_complaint_came_all_the_same(read, line, reason):
    cases = read(line, "2,2011-07-02T00:00:00Z,2011-07-02T01:00:00Z,a")
    assert [(row.id, row.closed is None) for row in cases.rows] == [("1", True), ("2", False)]
    [(at, why)] = cases.refused.named
    assert at == 2 and reason in why and not cases.bad.count


def test_ids_are_the_same_as_floats_and_as_whole_numbers(read):
    rows = ["1,2011-07-01T01:00:00Z,,a", "1.0,2011-07-02T01:00:00Z,,a", "2.00,2011-07-02T01:00:00Z,,a"]
    cases = read(*rows, "1.23457E+15,2011-07-02T01:00:00Z,,a")
    assert ([row.id for row in cases.rows], cases.repeated) == (["1", "2"], 1)
    assert "id: '1.23457E+15' is no id: NaN, or a number rounded" in cases.bad.named[0][1]


def test_it_refuses_what_has_not_happened_yet_when_asked_to(read):
    line = "1,2011-07-01T01:00:00Z,2031-07-01T01:00:00Z,a"
    assert len(read(line).rows) == 1
    assert "in the future" in read(line, latest=1_700_000_000_000).refused.named[0][1]
    line = "1,2031-07-01T01:00:00Z,,a"
    assert "in the future" in read(line, latest=1_700_000_000_000).bad.named[0][1]


def test_it_reads_other_columns_and_rows_without_an_id(read):
    columns = Columns(created="opened", closed="done", id="", split="kind")
    line = "2011-07-01T01:00:00Z,,Street Light/Outage"
    rows = read(line, line, header="opened,done,kind", columns=columns).rows
    assert [row.kind for row in rows] == ["street_light_outage"] * 2


def test_it_names_a_missing_column_and_those_that_are_there(read):
    with pytest.raises(BadInput, match="no column 'created', only 'id', 'opened': .*--created-column"):
        read("1,2", header="id,opened")


def test_it_reads_only_as_many_rows_as_asked(read):
    assert len(read(*(f"{i},2011-07-01T01:00:00Z,,a" for i in range(9)), limit=4).rows) == 4


def test_it_reads_a_file_from_a_spreadsheet(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_bytes("id,created,closed\r\nä,2011-07-01T01:00:00Z,\r\n".encode("utf-8-sig"))
    assert read_cases(path).rows[0].id == "ä"


def test_a_cell_without_end_is_one_bad_row(read):
    cases = read('1,"' + "x" * 200_000 + '",,a', "2,2011-07-01T01:00:00Z,,a")
    assert [row.id for row in cases.rows] == ["2"]
    assert [(line, "over the limit" in why) for line, why in cases.bad.named] == [(2, True)]


@pytest.mark.parametrize("option", ["created", "closed", "id", "split"])
def test_a_column_that_was_named_must_be_there(read, option):
    with pytest.raises(BadInput, match=f"no column 'TYPO', only 'id', .*--{option}-column"):
        read("1,2011-07-01T01:00:00Z,,a", columns=Columns(**{option: "TYPO"}))


def test_it_makes_words_of_any_text():
    assert make_slug("Street Light Outages") == "street_light_outages"
    assert make_slug("  ¿? ") == "unknown"
    assert len(join_topic("complaint.received", "x" * 200)) == 100
    with pytest.raises(BadInput, match="no room"):
        join_topic("a" * 99, "b")


def test_names_that_are_not_utf_8_are_refused_not_merged(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_bytes(
        "id,created,closed\nMüller,2011-07-01T01:00:00Z,\nMöller,2011-07-02T01:00:00Z,\n".encode("latin-1")
    )
    with pytest.raises(BadInput, match="line 2 is not UTF-8: save the file as UTF-8, or name its --encoding"):
        read_cases(path)
    cases = read_cases(path, encoding="latin-1")
    assert ([row.id for row in cases.rows], cases.repeated) == (["Müller", "Möller"], 0)


def test_a_row_with_more_cells_than_columns_is_bad(read):
    cases = read("1,2011-07-01T01:00:00Z,,Noise,loud", "2,2011-07-01T01:00:00Z,,Noise,")
    assert [row.id for row in cases.rows] == ["2"]
    assert cases.bad.named == [(2, "5 cells under 4 columns: put what holds a comma in quotes")]


def test_a_column_that_stands_twice_is_refused(read):
    with pytest.raises(BadInput, match="2 columns are called 'created': rename all but one"):
        read("1,2011-07-01T01:00:00Z,,", header="id,created,closed,created")
