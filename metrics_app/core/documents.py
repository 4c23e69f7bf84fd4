"""YAML as people keep it in a repository: read with the line of everything, and within limits.

Anchors are refused, so nothing can be made to unfold without end; so are names that
stand twice, of which YAML itself would silently keep the last.
"""

from typing import Any, NamedTuple

import yaml

from metrics_app.core.text.literals import show
from metrics_app.exceptions import BadInput

MOST_CHARACTERS = 2_000_000
DEEPEST = 30  # levels of lists and mappings
Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
Dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
ENDLESS = 2**30  # characters on a line
OPENING = yaml.events.SequenceStartEvent, yaml.events.MappingStartEvent
CLOSING = yaml.events.SequenceEndEvent, yaml.events.MappingEndEvent


class Document(NamedTuple):
    """Plain dicts (keys are texts), lists and scalars, and the line on which each path begins."""

    value: Any
    lines: dict  # path, a tuple of names and numbers, -> line from 1 on


def refuse(message, line):
    """The error of a text that cannot be read at a line."""
    return BadInput(message, errors=[{"field": "", "line": line, "message": message}])


def read_document(text):
    """The Document of a YAML text; BadInput with the line of what is wrong."""
    return read_nodes(text, lambda loader: [loader.get_single_node()])[0]


def read_documents(text):
    """All Documents of a YAML text, as `---` parts them; BadInput with the line of what is wrong."""
    return read_nodes(text, list_nodes)


def list_nodes(loader):
    """Each node that a loader holds."""
    while loader.check_node():
        yield loader.get_node()


def read_nodes(text, take):
    """The Documents of the nodes that ``take`` takes from a loader of the text; BadInput."""
    if len(text) > MOST_CHARACTERS:
        raise refuse(f"{len(text):,} characters are too many, at most {MOST_CHARACTERS:,} are read", 1)
    loader = None
    try:
        check_shape(text)
        loader = Loader(text)
        return [read_node(loader, node) for node in take(loader)]
    except yaml.YAMLError as error:
        raise refuse(*describe_fault(error)) from None
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise refuse("holds half of a surrogate pair, which is no character", line) from None
    finally:
        if loader is not None:
            loader.dispose()


def read_node(loader, node):
    """The Document of a node, or of a text without any."""
    lines = {(): 1}
    return Document(None if node is None else build(loader, node, (), lines), lines)


def check_shape(text):
    """BadInput for anchors, and for what is nested so deeply that reading it could fail."""
    depth = 0
    for event in yaml.parse(text, Loader=Loader):
        line = event.start_mark.line + 1
        if getattr(event, "anchor", None) is not None:
            raise refuse(f"the anchor '{event.anchor}' is not read here: write it out", line)
        depth += isinstance(event, OPENING) - isinstance(event, CLOSING)
        if depth > DEEPEST:
            raise refuse(f"is nested too deeply: at most {DEEPEST} levels are read", line)


def describe_fault(error):
    """``(message, line)`` of an error of the YAML library."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return f"is not YAML: {' '.join(str(problem).split())}", mark.line + 1 if mark else 1


def build(loader, node, path, lines):
    """The plain value of a node; notes the lines of all that is in it."""
    lines.setdefault(path, node.start_mark.line + 1)
    if isinstance(node, yaml.SequenceNode):
        return [build(loader, part, (*path, at), lines) for at, part in enumerate(node.value)]
    if isinstance(node, yaml.ScalarNode):
        return read_scalar(loader, node)
    found = {}
    for name, part in node.value:
        line = name.start_mark.line + 1
        if not isinstance(name, yaml.ScalarNode):
            raise refuse("a name must be a word, not a list or a mapping", line)
        if name.value in found:
            raise refuse(f"{show(name.value)} stands here twice", line)
        lines[*path, name.value] = line
        found[name.value] = build(loader, part, (*path, name.value), lines)
    return found


def read_scalar(loader, node):
    """A scalar as YAML reads it: text, number, true or false, null, time."""
    try:
        return loader.construct_object(node)
    except (ValueError, OverflowError):
        # A 13th month, or a number of more digits than Python reads.
        raise refuse(f"{show(node.value)} cannot be read", node.start_mark.line + 1) from None


def write_inline(value):
    """A value on one line, read back as the same."""
    if isinstance(value, dict):
        parts = (f"{write_inline(name)}: {write_inline(part)}" for name, part in sorted(value.items()))
        return f"{{{', '.join(parts)}}}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(write_inline, value))}]"
    text = dump(value, allow_unicode=True)
    # A line break in a text would take the next line for its own.
    return text if "\n" not in text and text.isprintable() else dump(value, default_style='"')


def dump(value, **style):
    """A scalar as it may stand inside of brackets, where a comma would end it."""
    text = yaml.dump([value], Dumper=Dumper, default_flow_style=True, width=ENDLESS, **style)
    return text.strip().removeprefix("[").removesuffix("]")
