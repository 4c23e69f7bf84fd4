"""How many rows of a file a command may leave out, and what it says of those it did."""

from django.core.management.base import CommandError

from metrics_app.core.text.counts import count_words
from metrics_app.exceptions import BadInput
from metrics_app.files.left_out import MOST_BAD, check_share


def add_strictness(parser):
    """The options of how many rows may be left out."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "--max-bad",
        type=float,
        default=MOST_BAD,
        metavar="PERCENT",
        help="leaves out rows that cannot be read where they are no more than so many per cent of the rows; "
        f"with more of them nothing is done. Default: {MOST_BAD}, with one of them nothing is",
    )
    group.add_argument(
        "--skip-bad",
        action="store_true",
        help="leaves out rows that cannot be read, however many, as long as one can be",
    )


def read_strictness(options):
    """How many per cent of the rows may be left out; CommandError for what is no share."""
    most = 100 if options["skip_bad"] else options["max_bad"]
    if not 0 <= most <= 100:
        raise CommandError(f"--max-bad {most:g} is not between 0 and 100 per cent")
    return most


def settle(tally, most, write, *, fault=""):
    """Says line by line what a Tally left out; BadInput where more than ``most`` per cent cannot be read.

    Also with what is wrong besides, ``fault``: nothing is done then, and nothing is called left out.
    """
    try:
        check_share(tally.read, tally.bad.count, most)
        if fault:
            raise BadInput(fault)
    except BadInput:
        tell_rows(tally, write, is_done=False)
        raise
    tell_rows(tally, write, is_done=True)


def tell_rows(tally, write, *, is_done):
    """Names the rows of a Tally that are no good, and what becomes of them where anything ``is_done``."""
    if tally.repeated:
        rows = count_words(tally.repeated, "row")
        why = "the id came before in the file."
        write(f"{rows} skipped: {why}" if is_done else f"{rows}, of which {why}")
    out, still = (" left out, which", " refused; the cases count as received") if is_done else ("", "")
    for left_out, words, what in (
        (tally.bad, (f"row{out}", f"rows{out}"), " cannot be read:"),
        (tally.refused, ("impossible answer", "impossible answers"), f"{still}:"),
    ):
        said = f"{count_words(left_out.count, *words)}{what}"
        for line in [said, *left_out.tell()] if left_out.count else ():
            write(line)
    if tally.refused.count and tally.refused.count == tally.taken:
        write("Not one answer is possible: are the columns of created and closed the right ones?")
