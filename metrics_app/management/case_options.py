"""What commands that read files of cases ask alike."""

from metrics_app.files.cases import DEFAULT_COLUMNS, Columns
from metrics_app.management.strictness import add_strictness


def add_case_options(parser):
    """The options of a file of cases."""
    for name in ("created", "closed", "id"):
        only = "; '' where the rows have none" if name == "id" else ""
        parser.add_argument(f"--{name}-column", help=f"default: {name}{only}")
    parser.add_argument("--received-topic", default="complaint.received", help="of the cases as they come in")
    parser.add_argument("--latency-topic", default="complaint.latency", help="of their answers, in seconds")
    parser.add_argument("--split-column", default="", help="also gives topic.<value of this column>")
    parser.add_argument("--encoding", default="", help="of the file; default: utf-8")
    add_strictness(parser)


def read_columns(options):
    """The cases.Columns that were named, or the usual ones."""
    named = {name: options[f"{name}_column"] for name in Columns._fields}
    return DEFAULT_COLUMNS._replace(**{name: value for name, value in named.items() if value is not None})
