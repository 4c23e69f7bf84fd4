"""A day, a year and a zone are said where they are needed: in both apps and in the browser alike."""

import json
import re
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from metrics_app.core.text import moments
from pipelines_app.core import telling

ROOT = Path(__file__).resolve().parents[4]
PAIRS = json.loads((ROOT / "tests/js/moments.json").read_text())["moments"]
NAMES = {"withDay": "with_day", "withYear": "with_year", "seconds": "seconds"}
APPS = ("metrics_app", "pipelines_app", "hms_gov", "templates")
# Where a day or a time of day is written without what may be missing beside it, and why.
PLACES = {
    "metrics_app/core/text/moments.py": "the one place",
    "metrics_app/static/metrics_app/moments.js": "the one place of the browser",
    "pipelines_app/core/telling.py": "the one place of that app",
    "metrics_app/fields.py": "the end of a jump of the clock beside its beginning",
    "metrics_app/services/notices/facts.py": "an hour beside its day and year",
    "pipelines_app/cards/effects.py": "asks whether a moment is a midnight",
    "pipelines_app/core/unless.py": "an hour beside its day and year",
}
FORMAT = re.compile(r"(?<!month=.)(?:%[A-Za-z]|[ ,.:/T-])*%[bBHM](?:%[A-Za-z]|[ ,.:/T-])*")
SCRIPT = re.compile(r"toLocale(?:Date|Time)String|new Intl\.DateTimeFormat|getHours|getMonth|toDateString")
TEMPLATE = re.compile(r"\|(?:date|time)\b(?!:\"[^\"]*Y)|\|natural|{% now \"[^\"]*[HjdbFM]")


def writes_part(path):
    """Whether a file writes a part of a moment by itself: a day or an hour without the year."""
    text = path.read_text()
    if path.suffix == ".py":
        return any("%Y" not in found for found in FORMAT.findall(text))
    return bool((SCRIPT if path.suffix == ".js" else TEMPLATE).search(text))


def read(text, zone):
    return datetime.fromisoformat(text).astimezone(ZoneInfo(zone))


@pytest.mark.parametrize(("zone", "at", "now", "more", "text", "name"), PAIRS)
def test_a_moment_is_told_as_in_the_browser(zone, at, now, more, text, name):
    local, now = read(at, zone), read(now, zone)
    options = {NAMES[key]: value for key, value in more.items()}
    assert moments.tell_moment(local, now, **options) == text
    assert moments.name_zone(local) == telling.name_zone(local) == name
    assert moments.list_zone_names(ZoneInfo(zone))[round(local.utcoffset().total_seconds() / 60)] == name
    if not more:
        assert moments.tell_moment_in_zone(local, now) == f"{text} {name}"
        assert telling.tell_moment_in_zone(local, now) == f"{text} {name}"
        on_a_day = f"on {text[:-6]} at {text[-5:]} {name}"
        assert moments.tell_when(local, now) == telling.tell_when(local, now)
        assert telling.tell_when(local, now) == (on_a_day if text[:-6] else f"at {text} {name}")
    assert moments.write_in_full(local) == telling.write_in_full(local) == f"{local:%Y-%m-%d %H:%M:%S} {name}"


def test_a_zone_has_the_names_of_all_its_seasons():
    assert moments.list_zone_names(ZoneInfo("Europe/Berlin")) == {60: "CET", 120: "CEST"}
    assert moments.list_zone_names(ZoneInfo("Asia/Kathmandu")) == {345: "UTC+5:45"}


def list_files():
    """What may write a moment, by its name from the root."""
    for path in (path for app in APPS for path in sorted((ROOT / app).rglob("*.*"))):
        name = str(path.relative_to(ROOT))
        if (
            path.suffix in (".py", ".js", ".html", ".txt")
            and "/vendor/" not in name
            and "/migrations/" not in name
        ):
            yield name, path


def test_one_place_of_each_language_writes_days_and_times():
    names, odd = set(), set()
    for name, path in list_files():
        names.add(name)
        if writes_part(path):
            odd.add(name)
    assert len(names) > 300 and odd == set(PLACES)
