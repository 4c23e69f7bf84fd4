"""A tile says what the summaries say, and what the rule made of it."""

import time
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from metrics_app.collector import collect_all
from metrics_app.models import Breach, Kpi, Silence, Threshold, ThresholdState
from metrics_app.pages import lights, tiles
from metrics_app.queries import list_recorded, redis_now, shard_for, stats
from metrics_app.services.conditions import read_conditions
from metrics_app.services.rules.thresholds import save_threshold
from metrics_app.services.silences import save_silence
from tests.metrics_app.watching import HOUR, TOPIC, make_threshold, send

pytestmark = pytest.mark.django_db
MINUTE = 60_000


@pytest.fixture
def now():
    """Milliseconds since the epoch."""
    return time.time_ns() // 1_000_000


@pytest.fixture
def kpi():
    return Kpi.objects.create(topic=TOPIC, name="Response time", unit="seconds", window=1800)


def get_tile(kpi):
    """The tile as the overview shows it now."""
    return tiles.list_tiles([kpi])[0]


def get_tile_behind(kpi, now, *, through):
    """The tile at ``now`` while the collector stands still since ``through``; both in ms."""
    seen = read_conditions([kpi], now=now, through={shard_for(kpi.topic): through})
    tiles.attach_breaches([seen[kpi.topic].rule] if seen[kpi.topic].rule else [])
    spans = list_recorded(kpi.topic, now - 10 * HOUR * 1000, through)
    return tiles.describe_tile(kpi, seen[kpi.topic], now, spans)


def see_condition(kpi):
    """The condition of a KPI, as all doors take it."""
    return read_conditions([kpi])[kpi.topic].condition


def set_state(rule, **fields):
    """Puts a threshold into a state, as the evaluator would."""
    ThresholdState.objects.update_or_create(threshold=rule, defaults={"slot_class": "clear"} | fields)


def test_its_value_is_what_the_server_answers_for_the_same_window(kpi, now):
    send((now - 20 * MINUTE, 40 * HOUR), (now - 1000, 60 * HOUR))
    tile = get_tile(kpi)
    assert tile["value"] == stats(TOPIC, 1800)["mean"] == 50 * HOUR
    assert (tile["number"], tile["suffix"]) == ("2 d 2 h", "")
    assert tile["facts"].startswith("mean of 30 min · 2 points · median ")
    assert tile["last_at"] == now - 1000


def test_its_curve_is_the_mean_of_the_whole_window_at_each_minute(kpi, now):
    send((now - 10 * MINUTE, 10), (now - 5 * MINUTE, 20))
    chart = get_tile(kpi)["chart"]
    by_end = dict(zip(chart["ts"], chart["values"], strict=True))
    whole = [end for end in chart["ts"] if end % MINUTE == 0]
    assert len(whole) >= 61
    first = (now - 10 * MINUTE) // MINUTE * MINUTE
    assert by_end[first] is None, "before its first point a mean is a gap"
    assert by_end[first + MINUTE] == 10
    assert by_end[whole[-1]] == 15
    assert chart["values"][-1] == 15


def test_a_window_of_a_month_has_more_minutes_than_are_read_and_is_drawn_all_the_same(kpi, now):
    kpi.window = 31 * 24 * HOUR
    send((now - 2 * MINUTE, 4.0), (now - MINUTE, 6.0))
    assert get_tile(kpi)["chart"]["values"][-1] == 5.0


def test_a_rate_climbs_from_zero(now):
    kpi = Kpi.objects.create(topic="complaint.received", aggregate="rate_per_hour", window=3600)
    send(*[(now - 1000, 1)] * 10, topic=kpi.topic)
    tile = get_tile(kpi)
    assert (tile["number"], tile["suffix"]) == ("10", "per hour")
    assert tile["chart"]["values"][0] is None, "nobody counted before it was watched"
    assert "· watched for " in tile["facts"]
    kpi.created_at -= timedelta(hours=2)
    tile = get_tile(kpi)
    assert tile["facts"] == "over 1 h · 10 points"
    assert tile["chart"]["values"][0] is None, "before its first point nobody knows"
    assert tile["chart"]["values"][-1] == 10


def test_a_percentile_is_drawn_from_merged_sketches(now):
    kpi = Kpi.objects.create(topic="call.wait", unit="seconds", aggregate="p95", window=900)
    send(*[(now - 5 * MINUTE, value) for value in range(1, 101)], topic=kpi.topic)
    values = get_tile(kpi)["chart"]["values"]
    assert values[-1] == pytest.approx(95, rel=0.02)
    assert values[-2] == pytest.approx(values[-1])


@pytest.mark.parametrize(
    ("state", "timer", "text", "footer"),
    [
        ("ok", 0, "Within limit", "limit 48 h"),
        ("pending", 360_000, "Over limit, 6 min of 10", "limit 48 h · fires in 4 min"),
        ("recovering", 480_000, "Recovering, 8 min of 15", "limit 48 h · recovered in 7 min"),
    ],
)
def test_it_says_the_state_in_words_and_what_happens_next(kpi, now, state, timer, text, footer):
    send((now - 1000, 50))
    rule = make_threshold(now=now, pending_for=600, keep_firing_for=900)
    set_state(rule, state=state, timer_ms=timer)
    tile = get_tile(kpi)
    assert (tile["state_text"], tile["footer"], tile["css"]) == (text, footer, state)


def test_a_breach_says_since_when_and_what_came_of_it(kpi, now):
    send((now - 1000, 50 * HOUR))
    rule = make_threshold(now=now)
    set_state(rule, state="firing")
    Breach.objects.update_or_create(
        threshold=rule,
        recovered_at=None,
        defaults={"version": 1, "since": now, "fired_at": now, "outcome": "proposed #12"},
    )
    tile = get_tile(kpi)
    clock = f"{timezone.localtime():%H:%M}"
    assert tile["state_text"] == "Beyond limit"
    assert tile["footer"].startswith("limit 48 h · since ") and (tile["link"], tile["href"]) == (
        "Proposal #12 opened",
        "/inbox/12/",
    )
    assert clock[:2] in tile["footer"]
    assert tile["chart"]["limit"] == 48 * HOUR
    assert tile["chart"]["limit_label"] == "48 h"


def test_the_first_points_of_a_kpi_are_not_judged_yet_and_no_silence(kpi, now):
    set_state(
        make_threshold(now=now),
        slot_class="empty",
        data="empty",
        data_since=now - MINUTE,
        last_slot=now - 2000,
    )
    collect_all()
    assert get_tile(kpi)["state_text"] == "No data yet"
    send((now - 1000, 12 * HOUR))
    tile = get_tile(kpi)
    assert (tile["state_text"], tile["number"]) == ("Points came, not judged yet", "12 h")
    assert tile["footer"] == "limit 48 h", "what was never judged has no state to keep"


def test_a_limit_that_is_switched_off_is_named_and_since_when(kpi, now):
    send((now - 1000, 50))
    rule = make_threshold(now=now)
    rule.enabled = False
    save_threshold(rule, by=None, now=now)
    tile = get_tile(kpi)
    assert (tile["state_text"], tile["css"]) == ("Limit switched off", "none")
    assert tile["footer"] == f"limit 48 h switched off since {lights.clock_with_zone(now, now)}"
    save_threshold(Threshold(kpi=kpi, enabled=False, limit=1), by=None, now=now)
    tile = get_tile(kpi)
    assert tile["state_text"] == "Limits switched off" and tile["footer"].startswith(
        "all of 2 limits switched off"
    )
    save_threshold(Threshold(kpi=kpi, limit=100 * HOUR), by=None, now=now)
    assert "switched off" not in str(get_tile(kpi)), "another one watches it"


def test_a_silent_tile_says_since_when_and_keeps_what_it_was(kpi, now):
    send((now - 50 * MINUTE, 12 * HOUR))
    set_state(make_threshold(now=now), state="ok")
    tile = get_tile(kpi)
    assert tile["state_text"].startswith("No data since ")
    assert (tile["number"], tile["suffix"], tile["css"]) == ("—", "was 12 h", "silent")
    assert tile["footer"] == "limit 48 h · state kept: within limit"


@pytest.mark.parametrize(
    "judged",
    [
        {"aggregate": "share_above", "aggregate_value": 10 * HOUR, "limit": 20, "window": 3600},
        {"aggregate": "count", "limit": 3, "window": 3600},
        {"window": 3600},
    ],
)
def test_what_only_the_rule_judges_is_never_told_as_what_the_tile_was(kpi, now, judged):
    send((now - 40 * MINUTE, 12 * HOUR))
    set_state(make_threshold(now=now, **judged), state="ok")
    tile = get_tile(kpi)
    assert tile["chart"]["values"][-1] is not None
    assert (tile["number"], tile["suffix"]) == ("—", "")
    assert f"line: {tile['chart']['what']}" in tile["facts"], "the number and the line are two quantities"


def test_absence_never_hides_that_it_is_beyond_its_limit(kpi, now):
    send((now - 50 * MINUTE, 60 * HOUR))
    set_state(make_threshold(now=now), state="firing")
    tile = get_tile(kpi)
    assert (tile["state_text"], tile["number"]) == ("Beyond limit", "—")
    assert tile["facts"].startswith("No data since ")
    assert tile["css"] == "firing silent"


def test_absence_never_hides_that_it_is_about_to_fire(kpi, now):
    send((now - 50 * MINUTE, 60 * HOUR))
    rule = make_threshold(now=now, pending_for=600)
    set_state(rule, state="pending", timer_ms=360_000, data="empty", data_since=now - 20 * MINUTE)
    tile = get_tile(kpi)
    assert (tile["state_text"], tile["css"]) == ("Over limit, 6 min of 10", "pending silent")
    assert tile["facts"].startswith("No data since ")
    assert tile["footer"] == "limit 48 h · state kept: over the limit", "a held timer fires at no time"


def test_what_was_never_judged_is_not_green(kpi, now):
    send((now - 1000, 50))
    set_state(make_threshold(now=now), state="ok", slot_class="")
    tile = get_tile(kpi)
    assert (tile["state_text"], tile["css"], tile["footer"]) == ("Not judged yet", "silent", "limit 48 h")


def lose_points(now, **fields):
    """A threshold whose last slots found too little, while its KPI's own window still has points."""
    send((now - 60_000, 12 * HOUR))
    rule = make_threshold(now=now, window=10, no_data="fire", no_data_for=10)
    set_state(rule, data_since=now - 40_000, **fields)
    return rule


def test_an_open_data_breach_is_never_green(kpi, now):
    lose_points(now, data="empty", data_breach=True)
    tile = get_tile(kpi)
    assert tile["state_text"].startswith("No data since ")
    assert tile["state_text"].endswith(": a data breach is open")
    assert (tile["shape"], tile["css"], tile["footer"]) == ("○", "silent", "limit 48 h")
    assert see_condition(kpi).name == "silent"


def test_a_rule_without_points_is_not_green_though_the_tile_has_some(kpi, now):
    lose_points(now, data="empty")
    tile = get_tile(kpi)
    assert tile["state_text"].startswith("No data since ") and tile["css"] == "silent"
    assert tile["footer"] == "limit 48 h · state kept: within limit"
    assert tile["value"] == 12 * HOUR and see_condition(kpi).name == "silent"


def test_a_rule_with_too_few_points_says_so_beside_its_state(kpi, now):
    lose_points(now, data="thin")
    tile = get_tile(kpi)
    assert tile["state_text"].startswith("Within limit · too few points to judge since ")


def test_a_data_breach_comes_before_a_threshold_that_is_fine(kpi, now):
    make_threshold(now=now, limit=100 * HOUR)
    lose_points(now, data="empty", data_breach=True)
    assert get_tile(kpi)["css"] == "silent"


def test_points_that_nobody_counts_do_not_turn_a_data_breach_green(kpi, now):
    lose_points(now, data="empty", data_breach=True)
    tile = get_tile_behind(kpi, redis_now() + 5 * MINUTE, through=now)
    assert (tile["css"], tile["shape"]) == ("unjudged silent behind", "◌")


def test_a_stopped_collector_never_reads_as_silence(kpi, now):
    send((now - 6 * MINUTE, 50))
    tile = get_tile_behind(kpi, redis_now() + 40 * MINUTE, through=now - 5 * MINUTE)
    assert tile["facts"].startswith("Figures stand still since ")
    assert tile["css"] == "none behind"


def test_a_stopped_collector_lets_the_red_light_stay_red(kpi, now):
    send((now - 1000, 60 * HOUR))
    rule = make_threshold(now=now)
    set_state(rule, state="firing")
    tile = get_tile_behind(kpi, redis_now() + 40 * MINUTE, through=now)
    assert (tile["css"], tile["number"]) == ("firing unjudged behind", "60 h")
    assert tile["state_text"].startswith("Beyond limit · not judged since ")
    assert tile["facts"].startswith("Figures stand still since ") and tile["facts"].endswith(" UTC")


def test_a_kpi_without_a_point_waits_for_it(kpi):
    collect_all()
    tile = get_tile(kpi)
    assert (tile["state_text"], tile["number"], tile["facts"]) == (
        "No data yet",
        "—",
        "Waiting for its first point",
    )
    assert tile["chart"]["sentence"] == "No values in the last hour."


def test_of_several_thresholds_it_shows_the_one_that_is_worst_off(kpi, now):
    send((now - 1000, 50))
    make_threshold(now=now, limit=100)
    second = make_threshold(now=now, limit=200)
    set_state(second, state="recovering", timer_ms=0)
    assert get_tile(kpi)["chart"]["limit"] == 200


def test_the_line_follows_the_rule_where_rule_and_tile_differ(kpi, now):
    send((now - 1000, 50), (now - 2000, 70))
    make_threshold(now=now, aggregate="max", window=600, limit=100)
    tile = get_tile(kpi)
    assert tile["value"] == 60
    assert tile["chart"]["values"][-1] == 70
    assert tile["footer"] == "maximum: limit 1 min 40 s"


def test_it_writes_times_in_the_readers_zone(kpi):
    noon = 1_764_072_000_000  # 2025-11-25T12:00Z
    with timezone.override("America/New_York"):
        assert lights.clock_with_zone(noon, noon) == "07:00 EST"
        assert lights.clock_with_zone(noon, noon + 86_400_000) == "25 Nov 07:00 EST"


def test_a_silence_is_seen_on_the_tile_in_the_readers_zone(kpi, now):
    send((now - 1000, 50))
    make_threshold(now=now)
    assert (get_tile(kpi)["silence"], "silenced" in get_tile(kpi)["line"]) == ("", False)
    ends = timezone.now() + timedelta(days=30)
    silence = Silence(topic="complaint.*", ends_at=ends, reason="maintenance")
    save_silence(silence, by=User.objects.create_user("ann"))
    with timezone.override("America/New_York"):
        tile, local = get_tile(kpi), timezone.localtime(ends)
    zone = f"{timezone.localtime(timezone=local.tzinfo):%Z}"
    assert tile["silence"] == f"· silenced until {local.day} {local:%b %H:%M} {zone}"
    said = f"silenced until {local:%Y-%m-%d %H:%M %Z} by ann: maintenance"
    assert tile["line"] == " · ".join(filter(None, (tile["facts"], tile["footer"], said)))
