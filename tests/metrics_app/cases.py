"""Files of cases for tests, read at once."""

from dataclasses import dataclass, field

from metrics_app.files.cases import DEFAULT_COLUMNS, Case, Tally, iterate_cases


@dataclass
class Cases(Tally):
    """The usable ``rows`` of a file, and what became of the others."""

    rows: list[Case] = field(default_factory=list)


def read_cases(path, columns=DEFAULT_COLUMNS, **options):
    """The Cases of a CSV file; the options of ``iterate_cases``."""
    cases = Cases()
    cases.rows.extend(iterate_cases(path, columns, cases, **options))
    return cases
