"""What makes two rows one, in whatever format they come."""

import pytest

from metrics_app.core.ids import LARGEST_FLOAT_ID, LONGEST_ID, check_id
from metrics_app.exceptions import BadInput


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        ((17, 17.0, "17", "17.0", " 17.00 "), "17"),
        ((-3, -3.0, "-3", "-3.0"), "-3"),
        ((2.5, "2.5"), "2.5"),
        ((LARGEST_FLOAT_ID, float(LARGEST_FLOAT_ID), f"{LARGEST_FLOAT_ID}.0"), str(LARGEST_FLOAT_ID)),
        # Whole numbers and texts have no limit.
        ((2**60 + 1, str(2**60 + 1)), str(2**60 + 1)),
        ((None,), None),
    ],
)
def test_a_number_is_one_id_however_it_is_kept_and_written(cells, name):
    assert [check_id(cell) for cell in cells] == [name] * len(cells)


def test_other_texts_are_ids_of_their_own():
    texts = ["17", "017", "17,0", "17.10", "17.1", "17.0.0", "v17.0", "1E5", "0.0.0", "x" * LONGEST_ID]
    assert [check_id(text) for text in texts] == texts


@pytest.mark.parametrize(
    "cell",
    [2.0**60, float("nan"), float("inf"), str(2**60) + ".0", "1.23457E+15", "1e+16", "9.007199254740994e+15"],
)
def test_what_may_be_the_id_of_several_rows_is_refused(cell):
    with pytest.raises(BadInput, match="is no id: NaN, or a number rounded .* Write whole numbers, or texts"):
        check_id(cell)


@pytest.mark.parametrize("cell", ["", "  ", "two\nlines", "two\rlines", "x" * (LONGEST_ID + 1)])
def test_an_id_is_a_text_in_a_line(cell):
    with pytest.raises(BadInput, match="expected 1 to 200 characters in a line"):
        check_id(cell)
