"""Imports point down, and stand at the top."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("metrics_app", "pipelines_app", "hms_gov")
SOURCES = sorted(path for name in PACKAGES for path in (ROOT / name).rglob("*.py"))


def test_it_keeps_the_layers_of_the_design():
    """The contracts of .importlinter; its report names the import that points up."""
    command = [Path(sys.executable).with_name("lint-imports"), "--no-cache"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout


def find_hidden_imports(source):
    """Line numbers of imports inside functions that no comment explains."""
    lines = source.splitlines()
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, functions)]
    imports = {
        child.lineno
        for node in nodes
        for child in ast.walk(node)
        if isinstance(child, (ast.Import, ast.ImportFrom))
    }
    return [line for line in sorted(imports) if "#" not in lines[line - 1] + lines[line - 2]]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_it_hides_no_import_in_a_function_without_a_reason(path):
    assert find_hidden_imports(path.read_text()) == []


def test_it_would_find_a_hidden_import():
    assert find_hidden_imports("def f():\n    import json\n") == [2]
    assert find_hidden_imports("def f():\n    # waits for the optional wheel\n    import json\n") == []
