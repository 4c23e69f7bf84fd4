"""An edit of a rule that takes away the reason of an open breach ends it, and is told as what ended it."""

import pytest

from metrics_app.models import Breach
from metrics_app.services.rules.thresholds import save_threshold
from metrics_app.services.watch.evaluate import evaluate
from tests.metrics_app.watching import HOUR, events_of, make_threshold, send

pytestmark = pytest.mark.django_db
MINUTE = 60_000


def edit(threshold, now, **fields):
    """Saves changed fields and judges what that asks for."""
    for name, value in fields.items():
        setattr(threshold, name, value)
    save_threshold(threshold, by=None, now=now, judge=False)
    evaluate(now=now + 1001)


@pytest.fixture
def silent(base):
    """A threshold whose data breach has been open for four minutes: no point came."""
    threshold = make_threshold(now=base, window=60, no_data="fire", no_data_for=60)
    send((base - 10 * MINUTE, 40 * HOUR))
    evaluate(now=base + 5 * MINUTE + 1)
    assert Breach.objects.get().kind == "data"
    return threshold


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"no_data": "keep"}, "no data: fire → keep"),
        ({"no_data": "ok"}, "no data: fire → ok"),
        ({"no_data_for": 3600}, "no data for: 1 min → 1 h"),
        ({"window": 1800}, "window: 1 min → 30 min"),
        ({"aggregate": "count", "limit": 90.0}, "aggregate: mean → count"),
    ],
)
def test_a_data_breach_ends_with_what_asked_for_points(silent, base, fields, cause):
    edit(silent, base + 5 * MINUTE + 30_000, **fields)
    breach = Breach.objects.get()
    assert breach.recovered_at == base + 5 * MINUTE + 30_000
    assert events_of(breach)[-2:] == ["edited", "data_closed"]
    last = breach.timeline.last()
    assert last.text.startswith("Ended after ") and "because the rule was changed: " in last.text
    assert cause in last.text


@pytest.mark.parametrize(
    "fields", [{"limit": 1.0}, {"severity": "critical"}, {"interval": 30}, {"cooldown": 60}]
)
def test_a_data_breach_goes_on_whatever_else_is_changed(silent, base, fields):
    edit(silent, base + 5 * MINUTE + 30_000, **fields)
    assert Breach.objects.get().recovered_at is None


def test_a_data_breach_that_points_end_is_not_told_as_ended_by_an_edit(silent, base):
    edit(silent, base + 5 * MINUTE + 30_000, limit=90.0 * HOUR)
    send((base + 6 * MINUTE - 1, 40 * HOUR))
    evaluate(now=base + 6 * MINUTE + 1)
    assert Breach.objects.get().timeline.last().text.startswith("Points arrive again")


@pytest.fixture
def burning(base):
    """A threshold that fired on 60 h, of which nothing came since: absence does not end it."""
    threshold = make_threshold(now=base, window=120)
    send((base + 30_000, 60 * HOUR))
    evaluate(now=base + 8 * MINUTE + 1)
    assert Breach.objects.get().recovered_at is None
    return threshold


@pytest.mark.parametrize(
    ("fields", "cause"),
    [
        ({"limit": 72.0 * HOUR}, "because the limit was changed to 72 h"),
        ({"operator": "lt", "limit": 10.0 * HOUR}, "because the limit was changed to 10 h"),
        ({"aggregate": "count", "limit": 5.0}, "because the rule was changed: aggregate: mean → count"),
        ({"enabled": False}, "switched off"),
    ],
)
def test_a_breach_ends_with_a_limit_that_nothing_of_it_was_beyond(burning, base, fields, cause):
    edit(burning, base + 8 * MINUTE + 30_000, **fields)
    breach = Breach.objects.get()
    assert breach.recovered_at == base + 8 * MINUTE + 30_000
    assert cause in breach.timeline.last().text


@pytest.mark.parametrize(
    "fields",
    [
        {"limit": 50.0 * HOUR},
        {"severity": "critical"},
        {"no_data": "fire"},
        {"min_count": 9},
        {"pending_for": 3600},
    ],
)
def test_a_breach_that_the_new_rule_has_still_reason_for_goes_on(burning, base, fields):
    edit(burning, base + 8 * MINUTE + 30_000, **fields)
    assert Breach.objects.get().recovered_at is None
