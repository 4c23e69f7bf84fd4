"""The registry as the browser has it: `python -m metrics_app.core.aggregate_table` prints its module."""

import json

from metrics_app.core.aggregate_records import MEASURES
from metrics_app.core.aggregates import BUILT_IN, list_aggregates

# What ``series.js`` makes of points by itself; ROLLED there.
IN_BROWSER = ("mean", "count", "rate_per_hour")
HEAD = """\
// Written by `make format` of core/aggregate_functions.py; a test holds it to that. A page tells of those
// that its project adds (page_aggregates.js). "{unit}" is the KPI's; so is "{counted}", except measures.

"""
TAIL = """
/** Adds the aggregates that a page tells of. */
export const learn = (more) => Object.assign(TABLE, more);

/** What is known of an aggregate; one that nobody has told of has values like the points. */
export function getAggregate(name) {
  if (Object.hasOwn(TABLE, name)) return TABLE[name];
  return { label: name, unit: "{unit}", on_scale: true, in_browser: false };
}
"""


def describe_table(aggregates):
    """``{name: {…}}``: what the browser needs to write values of aggregates and to draw them."""
    return {
        one.name: {
            "label": one.choice or one.label,
            "unit": one.unit,
            "on_scale": one.on_scale,
            "in_browser": one.name in IN_BROWSER,
        }
        for one in aggregates
    }


def list_outside():
    """The aggregates that a project has added to ours."""
    return [one for one in list_aggregates() if one not in BUILT_IN]


def write_module():
    """The text of ``aggregates.js``, with the built-in ones."""
    lines = [f"  {name}: {json.dumps(row)},\n" for name, row in describe_table(BUILT_IN).items()]
    measures = f"export const MEASURES = new Set({json.dumps(MEASURES, ensure_ascii=False)});\n\n"
    return f"{HEAD}{measures}export const TABLE = {{\n{''.join(lines)}}};\n{TAIL}"


if __name__ == "__main__":
    print(write_module(), end="")
