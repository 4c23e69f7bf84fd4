"""The page of the commands has each of ours, with each of its arguments."""

import re

import pytest

from handbook.commands import list_arguments, list_commands, make_parser, write_page


@pytest.fixture(scope="module")
def sections():
    """The page by the names of its commands."""
    return dict(part.split("\n", 1) for part in write_page().split("\n## ")[1:])


def test_it_has_the_commands_of_the_apps_and_no_others(sections):
    assert list(sections) == list(list_commands())
    assert {"backup", "doctor", "watch_process", "verify_audit", "run"} <= set(sections)
    assert not {"migrate", "check", "axes_reset"} & set(sections)


@pytest.mark.parametrize("name", list_commands())
def test_it_has_every_argument_of_a_command_in_a_row_of_three_cells(name, sections):
    rows = re.findall(r"^\| `.*$", sections[name], re.MULTILINE)
    arguments = list_arguments(make_parser(name))
    assert len(rows) == len(arguments)
    for row, argument in zip(rows, arguments, strict=True):
        assert len(re.findall(r"(?<!\\)\|", row)) == 4
        assert all(f"`{option}`" in row for option in argument.option_strings or [argument.dest])


def test_it_tells_what_a_command_does_and_what_an_option_is_without_being_given(sections):
    assert "until nothing waits" in sections["archive"]
    assert re.search(r"^\| `--port` PORT \| `8000` \| 0 takes a free one \|$", sections["demo"], re.MULTILINE)
