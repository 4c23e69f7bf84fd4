"""Rows as JSON lines or CSV, one text a row; what a cell says is never a spreadsheet's formula."""

import csv
import io
import json

# What spreadsheets take for the beginning of a formula.
FORMULAS = ("=", "+", "-", "@", "\t", "\r")


def write_json_lines(rows):
    """Yields a line of JSON for each dict."""
    for row in rows:
        yield json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n"


def write_csv(rows, fields):
    """Yields the heading, then a line for each dict; None is an empty cell.

    A text that a spreadsheet would compute gets an apostrophe before it.
    """
    yield write_line(fields)
    for row in rows:
        yield write_line([disarm(row[name]) for name in fields])


def disarm(value):
    """A cell that is shown and never computed."""
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULAS) else value


def write_line(cells):
    """One line of CSV (RFC 4180) with its line break."""
    text = io.StringIO()
    csv.writer(text).writerow(cells)
    return text.getvalue()
