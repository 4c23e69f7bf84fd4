"""The page of the API's addresses, from the schema that a running site serves."""

import re
from http import HTTPStatus
from itertools import groupby

from drf_spectacular.drainage import GENERATOR_STATS
from drf_spectacular.generators import SchemaGenerator

INTRODUCTION = (
    "# Addresses\n\nEvery address of the API with its parameters and answers, from the schema "
    "([openapi.yaml](openapi.yaml)) that a running site serves at `/api/schema/`; `/api/docs/` there is "
    "a page to try them. What they are for, the streams and the WebSocket stand in [API](api.md).\n"
)
# How drf-spectacular begins the list of choices in a description.
CHOICES = re.compile(r"(?:^|\n\n)\* `")
METHODS = ("get", "post", "put", "patch", "delete")


def read_schema():
    """The OpenAPI schema of the project; of names that it had to choose `manage.py spectacular` warns."""
    with GENERATOR_STATS.silence():
        return SchemaGenerator().get_schema(request=None, public=True)


def list_operations(schema):
    """``(tag, method, path, operation)`` of each, those of a tag together."""
    found = [
        (operation["tags"][0], method, path, operation)
        for path, methods in schema["paths"].items()
        for method, operation in methods.items()
        if method in METHODS
    ]
    return sorted(found, key=lambda one: (one[0], one[2], METHODS.index(one[1])))


def tell_schema(schema):
    """The kind of a value in a word or two."""
    if "$ref" in schema:
        return schema["$ref"].rpartition("/")[2]
    if "enum" in schema:
        return ", ".join(f"`{value}`" for value in schema["enum"] if value not in ("", None))
    if schema.get("type") == "array":
        return f"list of {tell_schema(schema.get('items', {}))}"
    kinds = [tell_schema(one) for key in ("oneOf", "anyOf", "allOf") for one in schema.get(key, ())]
    return " or ".join(kinds) or str(schema.get("format") or schema.get("type") or "any")


def tell_cell(text):
    """A text of the schema in one cell of a table, without the list of choices that stands beside it."""
    return CHOICES.split(text)[0].replace("\n", " ").replace("|", "\\|").strip()


def tell_parameters(operation):
    """The table of the parameters; nothing where there are none."""
    rows = [
        f"| `{one['name']}` | {one['in']} | {tell_schema(one['schema'])} "
        f"| {tell_cell(one.get('description', ''))} |"
        for one in operation.get("parameters", ())
    ]
    return ["| parameter | in | kind | meaning |", "|---|---|---|---|", *rows, ""] if rows else []


def tell_answers(operation):
    """The table of the answers: what comes in JSON by its name in the schema, the rest by its type."""
    rows = []
    for status, answer in sorted(operation["responses"].items()):
        kinds = [
            tell_schema(one.get("schema", {})) if kind == "application/json" else f"`{kind}`"
            for kind, one in answer.get("content", {}).items()
        ]
        meaning = tell_cell(answer.get("description", "")) or HTTPStatus(int(status)).phrase
        rows.append(f"| {status} | {', '.join(kinds)} | {meaning} |")
    return ["| answer | is | meaning |", "|---|---|---|", *rows, ""]


def list_shapes(schema, body):
    """The objects that a body may be: itself, one that it names, or each of several."""
    if "$ref" in body:
        return list_shapes(schema, schema["components"]["schemas"][tell_schema(body)])
    several = [shape for one in body.get("oneOf", ()) for shape in list_shapes(schema, one)]
    return [body] if body.get("properties") else several


def tell_body(schema, operation):
    """A table of the fields for each object that the JSON body may be; nothing where there is none."""
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    lines = []
    for shape in list_shapes(schema, body):
        lines += ["| field of the body | kind | meaning |", "|---|---|---|"]
        for name, field in shape["properties"].items():
            must = " (required)" if name in shape.get("required", ()) else ""
            meaning = tell_cell(field.get("description", ""))
            lines.append(f"| `{name}`{must} | {tell_schema(field)} | {meaning} |")
        lines.append("")
    return lines


def tell_operation(schema, method, path, operation):
    """The section of one address and method."""
    texts = [f"{operation[key].rstrip('.')}." for key in ("summary", "description") if operation.get(key)]
    return [
        f"### {method.upper()} `{path}`", "", "\n\n".join(texts), "",
        *tell_parameters(operation), *tell_body(schema, operation), *tell_answers(operation),
    ]  # fmt: skip


def write_page(schema):
    """The page in Markdown."""
    lines = [INTRODUCTION]
    for tag, operations in groupby(list_operations(schema), key=lambda one: one[0]):
        lines += [f"## {tag}", ""]
        for _, method, path, operation in operations:
            lines += tell_operation(schema, method, path, operation)
    return "\n".join(lines)
