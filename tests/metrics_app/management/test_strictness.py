"""Every command that reads a file leaves out as many of its rows as it was told, and none otherwise."""

import io

import pytest
from django.core.management import CommandError, call_command, load_command_class

pytestmark = pytest.mark.django_db
RULE = "--topic er.wait --aggregate mean --window 60 --operator gt --limit 5"
GOOD = "1,2023-11-14T22:00:00Z,,5", "2,2023-11-14T23:00:00Z,,6"
BAD = "3,soon,,7", '4,"2023,,8'
HEADER = "id,created,closed,value"
COMMANDS = {
    "import_points": ["--topic", "er.wait", "--ts-column", "created"],
    "replay": [],
    "backtest": [*RULE.split(), "--ts-column", "created"],
}


@pytest.fixture(params=COMMANDS)
def read(request, tmp_path):
    """What a command says of a file with these rows."""
    path, name = tmp_path / "file.csv", request.param

    def read_rows(*rows, options=()):
        path.write_text("\n".join([HEADER, *rows]) + "\n")
        file = ["--csv", str(path)] if name == "backtest" else [str(path)]
        said = io.StringIO()
        try:
            call_command(name, *file, *COMMANDS[name], *options, stdout=said, stderr=said)
        finally:
            read_rows.said = said.getvalue()
        return read_rows.said

    read_rows.command = load_command_class("metrics_app", name)
    return read_rows


@pytest.mark.parametrize(
    ("rows", "options", "words"),
    [
        ([GOOD[0], BAD[0], GOOD[1]], (), "1 of 3 rows is bad: mend them, or leave them out with --skip-bad"),
        # What is stated may be left out, and no row more.
        ([*GOOD, *BAD], ("--max-bad", "49.9"), "2 of 4 rows cannot be read, more than 49.9 %"),
        ([*GOOD, *BAD], ("--max-bad", "50"), ""),
        ([GOOD[0], *BAD], ("--skip-bad",), ""),
        (BAD, ("--skip-bad",), "not one of its 2 rows can be read"),
        (BAD, ("--max-bad", "100"), "not one of its 2 rows can be read"),
        ([], ("--skip-bad",), "it holds no row at all"),
    ],
)
def test_more_bad_rows_than_were_stated_are_an_error_and_all_are_named(read, rows, options, words):
    if words:
        with pytest.raises(CommandError, match=words):
            read(*rows, options=options)
    else:
        read(*rows, options=options)
    bad = [at for at, row in enumerate(rows, 2) if row in BAD]
    assert [line for line in range(2, 9) if f"  line {line}: " in read.said] == bad


def test_its_help_states_the_share(read):
    told = " ".join(read.command.create_parser("manage.py", "command").format_help().split())
    assert "no more than so many per cent of the rows; with more of them nothing is done. Default: 0" in told


@pytest.mark.parametrize("most", ["-1", "100.5", "nan"])
def test_what_is_no_share_is_refused(read, most):
    with pytest.raises(CommandError, match=f"--max-bad {most} is not between 0 and 100 per cent"):
        read(*GOOD, options=("--max-bad", most))


def test_a_share_and_no_bound_at_all_are_two_things(read):
    with pytest.raises(CommandError, match="--skip-bad: not allowed with argument --max-bad"):
        read(*GOOD, options=("--max-bad", "5", "--skip-bad"))
