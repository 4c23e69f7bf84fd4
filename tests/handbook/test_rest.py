"""The page of the API's addresses has each of the schema, with its parameters and answers."""

import re

import pytest

from handbook.rest import list_operations, read_schema, tell_schema, write_page


@pytest.fixture(scope="module")
def schema():
    """The schema, made once: it takes a second or two."""
    return read_schema()


def test_it_has_every_address_with_its_parameters_and_answers(schema):
    sections = {part.split("\n")[0]: part for part in write_page(schema).split("\n### ")[1:]}
    operations = list_operations(schema)
    assert len(sections) == len(operations) > 40
    for _, method, path, operation in operations:
        section = sections[f"{method.upper()} `{path}`"]
        assert all(f"| `{one['name']}` |" in section for one in operation.get("parameters", ()))
        assert all(f"| {status} |" in section for status in operation["responses"])


def test_it_has_the_fields_of_each_body(schema):
    text = write_page(schema).partition("POST `/api/v1/points/`")[2].partition("\n### ")[0]
    assert "| `topic` (required) | string |" in text and "| `values` (required) | list of " in text
    proposal = write_page(schema).partition("POST `/api/v1/pipelines/`")[2].partition("\n### ")[0]
    assert all(f"| `{field}`" in proposal for field in ("title", "suggestion", "evidence", "action_params"))


def test_its_rows_have_as_many_cells_as_their_heads(schema):
    for table in re.findall(r"(?:^\|.*\n)+", write_page(schema), re.MULTILINE):
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in table.splitlines()}) == 1, table


def test_a_kind_is_told_in_words():
    assert tell_schema({"type": "array", "items": {"$ref": "#/components/schemas/Kpi"}}) == "list of Kpi"
    assert tell_schema({"oneOf": [{"type": "integer"}, {"format": "date-time"}]}) == "integer or date-time"
    assert tell_schema({"enum": ["csv", "jsonl", ""]}) == "`csv`, `jsonl`"
