"""Breaches become known: at least once to each handler, whatever dies in between."""

from datetime import timedelta

import pytest
from django.utils import timezone

from metrics_app.models import Breach, Silence
from metrics_app.services.silences import save_silence
from metrics_app.services.watch.announce import announce, announce_breach
from tests.metrics_app.watching import events_of, make_threshold

pytestmark = pytest.mark.django_db
calls = []


def propose(breach):
    calls.append(breach.pk)
    return f"proposed #{breach.pk}"


def note(breach):
    return "noted"


def fail(breach):
    calls.append("failed")
    raise RuntimeError("the other side is away")


class Killed(BaseException):
    """What no handler of errors catches."""


def die(breach):
    raise Killed


@pytest.fixture(autouse=True)
def handlers(settings):
    """Sets BREACH_HANDLERS to functions of this module."""
    calls.clear()

    def use(*functions):
        paths = [f"{__name__}.{function.__name__}" for function in functions]
        settings.METRICS_APP = settings.METRICS_APP | {"BREACH_HANDLERS": paths}

    use(propose)
    return use


@pytest.fixture
def breach(base):
    return Breach.objects.create(
        threshold=make_threshold(now=base), version=1, since=base, fired_at=base, value=60, n=1
    )


def later(**span):
    return timezone.now() + timedelta(**span)


def test_it_hands_a_breach_over_once_and_writes_what_came_of_it(breach):
    assert announce() == 1
    assert announce() == 0
    breach.refresh_from_db()
    assert calls == [breach.pk]
    assert breach.outcome == breach.timeline.get().text == f"proposed #{breach.pk}"
    assert breach.announced_at is not None and events_of(breach) == ["announced"]


def test_all_handlers_are_asked(breach, handlers):
    handlers(propose, note)
    announce()
    breach.refresh_from_db()
    assert breach.outcome == f"proposed #{breach.pk}; noted"


def test_a_failing_handler_is_tried_again_and_stops_no_other(breach, handlers, caplog):
    other = Breach.objects.create(
        threshold=make_threshold("other.kpi", now=breach.since), version=1, since=1, fired_at=1
    )
    handlers(propose, fail)
    assert announce() == 0
    assert "fail failed with breach" in caplog.text
    assert calls == [breach.pk, "failed", other.pk, "failed"]
    assert announce() == 0 and len(calls) == 4, "not before its time"
    assert announce(now=later(seconds=3)) == 0
    assert calls[4:] == ["failed", "failed"], "the first handler has had it"
    handlers(propose, note)
    assert announce(now=later(seconds=3)) == 0, "each time it waits longer"
    assert announce(now=later(seconds=10)) == 2
    breach.refresh_from_db()
    assert breach.outcome == f"proposed #{breach.pk}; noted"


def test_a_crash_between_claim_and_end_means_again(breach, handlers):
    handlers(die)
    with pytest.raises(Killed):
        announce()
    handlers(propose)
    assert announce() == 0, "still claimed"
    assert announce(now=later(seconds=31)) == 1
    assert calls == [breach.pk]


def test_a_threshold_without_title_proposes_nothing(base):
    threshold = make_threshold(now=base, title="")
    breach = Breach.objects.create(threshold=threshold, version=1, since=1, fired_at=1)
    assert announce() == 1
    breach.refresh_from_db()
    assert breach.outcome == "no proposal: the threshold has no title"
    assert calls == []


def test_what_was_kept_back_is_handed_over_once_when_nothing_is_against_it_any_more(breach):
    now = timezone.now()
    long = Silence(topic="*", reason="w" * 500, starts_at=now, ends_at=now + timedelta(hours=1))
    save_silence(long, by=None)
    assert (announce(), announce(), announce(now=later(minutes=59))) == (1, 0, 0)
    breach.refresh_from_db()
    assert breach.outcome.startswith("would have proposed") and calls == []
    assert [announce(now=later(minutes=minutes)) for minutes in (61, 62, 63)] == [1, 0, 0]
    breach.refresh_from_db()
    assert (breach.outcome, calls) == (f"proposed #{breach.pk}", [breach.pk]), "the link is not cut off"
    assert events_of(breach) == ["announced", "announced"]


@pytest.mark.parametrize("fields", [{"recovered_at": 2}, {"kind": "data"}])
def test_what_is_over_or_has_no_value_is_handed_to_nobody_later(base, fields):
    threshold = make_threshold(now=base, title="")
    Breach.objects.create(threshold=threshold, version=1, since=1, fired_at=1, **fields)
    assert announce() == 1
    threshold.title = "Response time breach"
    threshold.save()
    assert announce() == 0 and calls == []


def test_it_says_when_nobody_listens(breach, handlers):
    handlers()
    announce()
    assert announce() == 0, "and says so once"
    breach.refresh_from_db()
    assert breach.outcome == "no proposal: METRICS_APP['BREACH_HANDLERS'] is empty"


def test_a_claim_is_taken_by_one_of_two(breach):
    moment = timezone.now()
    assert [announce_breach(breach.pk, moment), announce_breach(breach.pk, moment)] == [True, False]
    assert calls == [breach.pk]
