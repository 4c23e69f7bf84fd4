"""The picture of an effect, and its numbers as lines."""

from django.utils import timezone

from pipelines_app.cards.effect_charts import IGNORED, NAMES, draw_effect, list_lines
from pipelines_app.cards.effects import list_ignored, list_rows, tell_span
from pipelines_app.core.moments import to_ms

DAY, HOUR = 86_400_000, 3_600_000
FOUND = {
    "verdict": "effective", "judged_from": 3 * DAY, "judged_to": 5 * DAY, "started_at": 2 * DAY,
    "observed": 3.1, "expected": 5.0, "expected_low": 4.0, "expected_high": 6.0, "moments": 900,
    "change": -1.9, "change_low": -2.9, "change_high": -0.9,
    "percent": -38.0, "percent_low": -48.0, "percent_high": -22.0,
    "plain": {"before": 5.0, "after": 3.0, "percent": -40.0},
}  # fmt: skip
DAYS = {"ts": [0, DAY, 2 * DAY, 3 * DAY, 4 * DAY], "values": [5.0, 5.0, 4.0, 3.0, 3.0], "counts": [1] * 5}
COURSE = {"at": 40 * DAY, "values": [None, 5.0, 9.0, 5.0, None]}


NOTHING = FOUND | dict.fromkeys(("expected", "expected_low", "expected_high"))


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
    one = {"effect": FOUND, "days": DAYS | {"ignored": [COURSE]}, "measure": {"unit": "minutes"}}
    lines = [dict(zip(NAMES, line, strict=True)) for line in list_lines("er.wait", one)]
    parts = [line["part"] for line in lines]
    assert parts == ["before"] * 2 + ["settling"] + ["judged"] * 2 + [IGNORED] * 3
    told = {name: value for name, value in lines[5].items() if value is not None}
    assert told == {
        "start": "1970-02-09T00:00:00+00:00", "part": IGNORED, "value": 5.0, "kpi": "er.wait",
        "breach": "1970-02-10T00:00:00+00:00", "unit": "minutes",
    }  # fmt: skip
    assert {line["breach"] for line in lines[:5]} == {None}
    assert list(list_ignored({"ignored": [COURSE]})) == [("Breaches nobody acted on", "10 February 1970")]
    # What the page says of the span stands on each of its lines, and on no other.
    numbers = {name: FOUND[name] for name in FOUND.keys() & set(NAMES)} | {"plain_after": 3.0}
    numbers |= {"observed_without_weekly_rhythm": 3.1, "plain_before": 5.0, "plain_percent": -40.0}
    assert len(numbers) == 15
    for line in lines:
        wanted = numbers if line["part"] == "judged" else dict.fromkeys(numbers)
        assert {name: line[name] for name in numbers} == wanted


def test_the_page_says_that_what_was_judged_has_no_rhythm_and_what_it_is_with_it():
    rows = dict(list_rows(FOUND, {"unit": "", "label": "mean"}))
    assert rows["Observed"] == "3.1 without the usual rhythm of the week (3 with it)"
    same = dict(list_rows(FOUND | {"observed": 3.0}, {"unit": "", "label": "mean"}))
    assert same["Observed"] == "3, with the usual rhythm of the week and without"


def test_a_span_ends_with_its_last_day_and_within_a_day_at_its_hour():
    assert tell_span(3 * DAY, 10 * DAY) == "from 4 January 1970 to the end of 10 January 1970"
    begin, end = 3 * DAY + 14 * HOUR, 10 * DAY + 14 * HOUR
    assert tell_span(begin, end) == "from 4 January 1970, 14:00, to 11 January 1970, 14:00 UTC"
    # Also of this year: its words are read for longer than that.
    now = timezone.now().replace(month=3, day=4, hour=14, minute=0)
    told = f"from 4 March {now.year}, 14:00, to 5 March {now.year}, 14:00 UTC"
    assert tell_span(to_ms(now), to_ms(now) + DAY) == told


def test_the_words_of_the_picture_stand_above_and_below_what_is_drawn():
    chart = draw(DAYS)
    high, low, begun, first, last = chart.labels
    assert (high[3], low[3], begun[3], first[3], last[3]) == (
        "6",
        "3",
        "begun",
        "1 January 1970",
        "5 January 1970",
    )
    points = [float(point.split(",")[1]) for point in chart.lines[0].split()]
    assert high[1] < chart.band["y"] and low[1] > max(points) == chart.bottom
    # A phone writes them 22 high.
    assert first[1] - low[1] >= 22 and low[1] - chart.bottom >= 18
    flat = draw_effect(
        {"days": {"ts": [0, DAY], "values": [5.0, 5.0]}, "effect": NOTHING, "measure": {"unit": ""}}, ""
    )
    assert [text for *_, text in flat.labels].count("5") == 1
