"""What commands that read files of cases ask alike, and what they say of rows that they left out."""

from django.core.management.base import CommandError

from metrics_app.files.cases import DEFAULT_COLUMNS, Columns
from metrics_app.files.left_out import check_share

MOST_BAD = 50  # per cent of the rows


def add_case_options(parser):
    """The options of a file of cases."""
    for name in ("created", "closed", "id"):
        only = "; '' where the rows have none" if name == "id" else ""
        parser.add_argument(f"--{name}-column", help=f"default: {name}{only}")
    parser.add_argument("--received-topic", default="complaint.received", help="of the cases as they come in")
    parser.add_argument("--latency-topic", default="complaint.latency", help="of their answers, in seconds")
    parser.add_argument("--split-column", default="", help="also gives topic.<value of this column>")
    parser.add_argument("--encoding", default="", help="of the file; default: utf-8")
    add_share(parser, MOST_BAD)


def add_share(parser, most):
    """The option of how many rows may be left out."""
    parser.add_argument(
        "--max-bad",
        type=float,
        default=most,
        metavar="PERCENT",
        help=f"of the rows that may be unreadable; beyond it nothing is done. Default: {most}",
    )


def read_columns(options):
    """The cases.Columns that were named, or the usual ones."""
    named = {name: options[f"{name}_column"] for name in Columns._fields}
    return DEFAULT_COLUMNS._replace(**{name: value for name, value in named.items() if value is not None})


def check_percent(most):
    """CommandError for what is no share in per cent."""
    if not 0 <= most <= 100:
        raise CommandError(f"--max-bad {most:g} is not between 0 and 100 per cent")


def settle(tally, most, write):
    """Says line by line what a Tally left out; BadInput where too little could be read."""
    if tally.repeated:
        write(f"{tally.repeated:,} rows skipped: their id came before in the file.")
    for left_out, words in (
        (tally.bad, "rows left out, which cannot be read:"),
        (tally.refused, "impossible answers refused; their cases count as received:"),
    ):
        for line in [f"{left_out.count:,} {words}", *left_out.tell()] if left_out.count else ():
            write(line)
    if tally.refused.count and tally.refused.count == tally.read - tally.bad.count - tally.repeated:
        write("Not one answer is possible: are the columns of created and closed the right ones?")
    check_share(tally.read, tally.bad.count, most)
