"""``manage.py test_thresholds``: the rule tests of other teams."""

import pytest
from django.core.management import CommandError, call_command

RULE = """
threshold: {aggregate: mean, window: 30m, operator: gt, limit: 48h, recovery_limit: 43.2h,
            pending_for: 10m, keep_firing_for: 10m, min_count: 3, interval: 5m}
start: 2026-03-29T00:00:00+01:00
points: "every 5m: 40h x6 ; 54h x8 ; _ x6 ; 47h x4 ; 40h x8"
"""
# By hand: the window of the slot at 50m holds 40h x2 and 54h x4, mean 49.33 h: the first beyond 48 h.
# At 60m that has lasted 10 min. At 95m the window holds 54h x1: thin. The point of 100m is 47h.
# At 115m: 47h x3, mean 47 h: between 43.2 h and 48 h. At 145m: 47h x1 and 40h x5, mean 41.17 h: clear.
EXPECT = """
expect:
  - {at: 45m, state: ok, class: band}
  - {at: 50m, state: pending, class: breach, n: 6, value: 177600}
  - {at: 55m, state: pending}
  - {at: 60m, state: firing, class: breach}
  - {at: 95m, state: firing, class: thin, n: 1}
  - {at: 115m, state: firing, class: band, value: 47h}
  - {at: 145m, state: recovering, class: clear}
  - {at: 155m, state: ok}
"""


def run(tmp_path, text):
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    call_command("test_thresholds", str(path))


def test_a_rule_that_does_as_expected_passes(tmp_path, capsys):
    run(tmp_path, RULE + EXPECT)
    out = capsys.readouterr().out
    assert "ok    " in out and "(8 expectations)" in out and "1 rule test passed." in out


def test_a_failure_says_what_was_found_and_why(tmp_path, capsys):
    with pytest.raises(CommandError, match="1 rule test failed, 1 passed"):
        run(tmp_path, f"name: too early\n{RULE}expect: [{{at: 50m, state: firing}}]\n---{RULE}{EXPECT}")
    out = capsys.readouterr().out
    assert "too early" in out
    assert "at 50m: expected state firing, found pending. The mean 49 h 20 min over 30 min (6 points)" in out
    assert "It is over limit for now: it fires once that has lasted 10 min." in out


def test_the_night_in_which_clocks_move_has_every_slot(tmp_path, capsys):
    # 01:00Z is 02:00 and, an instant later, 03:00 in Berlin: an hour on the wall is skipped, no slot is.
    run(tmp_path, RULE.replace("00:00:00+01:00", "01:30:00+01:00") + EXPECT)
    assert "1 rule test passed." in capsys.readouterr().out


def test_silence_and_several_lines_of_points(tmp_path, capsys):
    run(
        tmp_path,
        "threshold: {aggregate: count, window: 1h, operator: lt, limit: 1, interval: 10m}\n"
        "points: ['every 10m: 1 x3', 'every 20m: 1']\n"
        "expect: [{at: 10m, n: 2, state: ok}, {at: 90m, class: breach, n: 0, state: firing}]\n",
    )


def test_shares_are_written_in_per_cent_and_trends_in_time(tmp_path, capsys):
    # Of four points of 40 h, 40 h, 50 h, 50 h half are within 48 h. Minute by minute from 30 h on, an hour
    # more each: at 10m the line is at 39.5 h, and meets 48 h in 8.5 minutes.
    run(
        tmp_path,
        "threshold: {aggregate: share_within, aggregate_value: 48h, window: 4m, operator: lt, limit: 90%}\n"
        "points: 'every 1m: 40h x2 ; 50h x2'\n"
        "expect: [{at: 2m, state: ok, value: 100%}, {at: 4m, state: firing, value: 50%}]\n"
        "---\n"
        "threshold: {aggregate: time_until_above, aggregate_value: 48h, window: 10m, operator: lt,\n"
        "            limit: 9m}\n"
        "points: 'every 1m: 30h ; 31h ; 32h ; 33h ; 34h ; 35h ; 36h ; 37h ; 38h ; 39h ; 40h'\n"
        "expect: [{at: 9m, state: ok, value: 570}, {at: 10m, state: firing, value: 8m 30s}]\n",
    )
    assert "2 rule tests passed." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: [", "line 2: is not YAML"),
        (f"{RULE}{EXPECT}start: 2026-01-01T00:00:00Z\n", "'start' stands here twice"),
        ("", "holds no test"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path, text, message):
    with pytest.raises(CommandError, match=message):
        run(tmp_path, text)
    with pytest.raises(CommandError, match="cannot be read: No such file"):
        call_command("test_thresholds", str(tmp_path / "none.yaml"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("operator: gt", "operator: over", "operator: 'over' is not one of gt, gte, lt, lte"),
        ("limit: 48h,", "", "threshold.limit: is missing"),
        ("min_count: 3", "colour: red", "threshold: unknown field 'colour'"),
        ("every 5m:", "each 5m", "is no line of points: write"),
        ("40h x6", "40q x6", "'40q' is not a duration"),
        ("+01:00", "", "has no UTC offset"),
        ("at: 45m", "at: 47m", "at 47m: there is no slot then, the nearest one is 45m"),
        ("at: 45m", "at: soon", "'soon' is not a duration"),
        ("state: ok, class: band", "status: ok", "'status' cannot be expected, only state, class, value, n"),
        ("state: ok, class: band", "state: red", "'red' is no state"),
        ("40h x6", "40h x99999999999", "'40h x99999999999' repeats too often: at most 200,000 points"),
        ("_ x6", "_ x200000", "'_ x200000' repeats too often"),
        ("every 5m:", "every 99999999999999999d:", "is no distance between points: expected"),
        ("at: 155m", "at: 9999999999d", "slots of 300 s are too many, at most 200,000"),
        ("points:", "dots:", "unknown field 'dots'"),
    ],
)
def test_what_cannot_be_read_is_a_failure_that_names_it(tmp_path, capsys, old, new, message):
    with pytest.raises(CommandError, match="failed"):
        run(tmp_path, (RULE + EXPECT).replace(old, new, 1))
    assert message in capsys.readouterr().out


def test_a_change_compares_by_the_clock_that_the_rule_names_and_says_what_cannot_be_compared(
    tmp_path, capsys
):
    # From Saturday 00:00 in Berlin 10 of each hour, and 20 from 10:00 on: of Saturday and, 25 hours later,
    # for 02:00 comes twice, of Sunday.
    rule = "{aggregate: mean_change_day, window: 1h, operator: gt, limit: 50, interval: 1h%s}"
    points = "every 1h: 10 x10 ; 20 x14 ; 10 x11 ; 20 x5"
    text = f"threshold: {rule}\nstart: 2026-10-24T00:00:00+02:00\npoints: '{points}'"
    first = "{at: 11h, class: incomparable, value: null, n: 1, state: ok}"
    run(tmp_path, text % "" + f"\nexpect: [{first}, {{at: 35h, class: clear, value: -50}}]")
    run(
        tmp_path, text % ", zone: Europe/Berlin" + f"\nexpect: [{first}, {{at: 35h, class: clear, value: 0}}]"
    )
    with pytest.raises(CommandError):
        run(tmp_path, text % ", zone: Berlin" + f"\nexpect: [{first}]")
    assert "'Berlin' is no time zone: expected a name such as Europe/Berlin" in capsys.readouterr().out
