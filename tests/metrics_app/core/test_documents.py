"""YAML with the line of everything, within limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from metrics_app.core.documents import DEEPEST, MOST_CHARACTERS, read_document, read_documents, write_inline
from metrics_app.exceptions import BadInput

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
scalars = st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | texts
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


@given(values)
def test_a_value_on_one_line_is_read_back_as_the_same(value):
    written = write_inline(value)
    assert len(written.splitlines()) <= 1
    assert read_document(f"a:\n  b: {written}").value == {"a": {"b": value}}


def test_it_knows_the_line_of_every_part():
    found = read_document("# head\na:\n  - 1\n  - b: 2\n    c:\n      3\n")
    assert found.value == {"a": [1, {"b": 2, "c": 3}]}
    assert found.lines == {(): 1, ("a",): 2, ("a", 0): 3, ("a", 1): 4, ("a", 1, "b"): 4, ("a", 1, "c"): 5}


def test_each_part_of_a_text_is_a_document_with_its_lines():
    first, second = read_documents("a: 1\n---\n- b\n")
    assert (first.value, second.value) == ({"a": 1}, ["b"])
    assert second.lines[0,] == 3


def test_names_stay_texts_whatever_yaml_would_make_of_them():
    assert read_document("{on: 1, 5: 2, null: 3}").value == {"on": 1, "5": 2, "null": 3}


BILLION = "a: &a [x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (BILLION, 1, "the anchor 'a' is not read here: write it out"),
        ("a: 1\nb: *a", 2, "the anchor 'a' is not read here"),
        ("\n" + "[" * 5000, 2, f"is nested too deeply: at most {DEEPEST} levels are read"),
        ("a: 1\nb: 2\na: 3", 3, "'a' stands here twice"),
        ("a: [", 2, "is not YAML: did not find expected node content"),
        ("a: 1\n---\nb: 1", 2, "is not YAML: but found another document"),
        ("a: 1\nb: !!python/object:os.system x", 2, "is not YAML: could not determine a constructor"),
        ("a: 1\n? [b]\n: 1", 2, "a name must be a word, not a list or a mapping"),
        ("a: 2026-13-01", 1, "'2026-13-01' cannot be read"),
        ("a: " + "9" * 5000, 1, "cannot be read"),
        ("a: 1\nb: \ud800", 2, "holds half of a surrogate pair"),
        ("a: \x00", 1, "is not YAML: control characters are not allowed"),
        ("a" * (MOST_CHARACTERS + 1), 1, "characters are too many, at most 2,000,000 are read"),
    ],
)
def test_what_is_refused_names_its_line(text, line, message):
    with pytest.raises(BadInput) as refused:
        read_document(text)
    (fault,) = refused.value.errors
    assert (fault["line"], message in fault["message"]) == (line, True), fault


@given(st.text(max_size=60))
def test_no_text_makes_it_raise_anything_else(text):
    try:
        read_document(text)
    except BadInput as error:
        assert error.errors[0]["line"] >= 1
