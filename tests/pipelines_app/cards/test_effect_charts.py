"""The picture of an effect, and its numbers as lines."""

from pipelines_app.cards.effect_charts import IGNORED, draw_effect, list_lines
from pipelines_app.cards.effects import list_ignored

DAY = 86_400_000
FOUND = {
    "verdict": "effective", "judged_from": 3 * DAY, "judged_to": 5 * DAY, "started_at": 2 * DAY,
    "observed": 3.0, "expected": 5.0, "expected_low": 4.0, "expected_high": 6.0,
}  # fmt: skip
DAYS = {"ts": [0, DAY, 2 * DAY, 3 * DAY, 4 * DAY], "values": [5.0, 5.0, 4.0, 3.0, 3.0], "counts": [1] * 5}
COURSE = {"at": 40 * DAY, "values": [None, 5.0, 9.0, 5.0, None]}


def draw(days):
    return draw_effect({"days": days, "effect": FOUND, "measure": {"unit": ""}}, "3, expected 5")


def test_breaches_nobody_acted_on_are_thin_lines_within_the_picture():
    chart = draw(DAYS | {"ignored": [COURSE, COURSE]})
    assert (chart.ignored, len(chart.thin), len(chart.lines)) == (2, 2, 1)
    points = [tuple(map(float, point.split(","))) for point in chart.thin[0].split()]
    assert len(points) == 3 and all(0 <= x <= chart.width and 0 <= y <= chart.height for x, y in points)
    # Its highest day is the highest of the picture: nothing is cut off.
    assert min(y for _, y in points) < min(float(point.split(",")[1]) for point in chart.lines[0].split())


def test_what_was_frozen_before_such_lines_were_drawn_is_drawn_without_them():
    assert draw(DAYS).thin == () and list(list_ignored(DAYS)) == [] and list(list_ignored(None)) == []


def test_each_line_of_the_numbers_says_when_it_was_and_after_which_breach():
    lines = list(list_lines("er.wait", {"effect": FOUND, "days": DAYS | {"ignored": [COURSE]}}))
    assert [line[1] for line in lines] == ["before"] * 2 + ["settling"] + ["judged"] * 2 + [IGNORED] * 3
    assert lines[5] == [
        "1970-02-09T00:00:00+00:00", IGNORED, 5.0, None, None, None, None, "er.wait", None,
        "1970-02-10T00:00:00+00:00",
    ]  # fmt: skip
    assert {line[-1] for line in lines[:5]} == {None}
    assert list(list_ignored({"ignored": [COURSE]})) == [("Breaches nobody acted on", "10 February 1970")]
