"""What is withheld, what waits, and why: said on the timeline of the breach."""

import re
from datetime import timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.core import mail
from django.utils import timezone

from metrics_app.core import watch
from metrics_app.models import Notice, Receiver, Silence, ThresholdState
from metrics_app.services import moments
from metrics_app.services.notices import send_notices
from metrics_app.services.silences import end_silence, save_silence
from tests.metrics_app.telling import happen, later, make_receiver, open_breach, told

pytestmark = pytest.mark.django_db
MINUTE = 60_000
BEGAN = "● 1 recovered, ▲ 1 flapping"  # what had been told is over, and what begins while it flaps


@pytest.fixture
def breach(base):
    make_receiver()
    return open_breach(fired_at=base)


def silence(**fields):
    now = timezone.now()
    span = {"starts_at": now - timedelta(minutes=5), "ends_at": now + timedelta(hours=1)}
    row = Silence(**({"topic": "complaint.*", "reason": "maintenance"} | span | fields))
    return save_silence(row, by=User.objects.create_user("ann"))


def subjects():
    return [letter.subject.partition(":")[0] for letter in mail.outbox]


def test_a_silenced_breach_is_not_told_and_the_timeline_says_by_whom(breach):
    row = silence()
    happen(breach)
    assert send_notices() == 0 and not mail.outbox
    assert told(breach) == [
        f"Notice to Duty officers withheld: silenced until {row.ends_at:%Y-%m-%d %H:%M} UTC "
        "by ann: maintenance"
    ]
    assert Notice.objects.get().outcome == "withheld"
    happen(breach, watch.RECOVERED, at=breach.fired_at + MINUTE)
    send_notices()
    assert not mail.outbox, "who does not know that it began is not told that it ended"


def test_a_silence_of_something_else_withholds_nothing(breach):
    silence(topic="er.*")
    happen(breach)
    assert send_notices() == 1


def test_a_recovery_is_told_to_whoever_was_told_that_it_fired(breach):
    happen(breach)
    send_notices()
    make_receiver("Latecomer", addresses=["late@example.org"])
    happen(breach, watch.RECOVERED, at=breach.fired_at + MINUTE)
    assert send_notices() == 1
    assert subjects() == ["■ Beyond limit", "● Recovered"]
    assert sorted(told(breach)[1:]) == [
        "Duty officers told by mail: recovered",
        "Notice to Latecomer withheld: that it began was not told",
    ]


def test_what_fired_and_recovered_within_the_wait_comes_in_one_message(breach):
    happen(breach)
    happen(breach, watch.RECOVERED, at=breach.fired_at + MINUTE)
    assert send_notices() == 1
    times = r"fired \d{4}-\d\d-\d\d \d\d:\d\d, recovered (\d{4}-\d\d-\d\d )?\d\d:\d\d UTC"
    assert re.fullmatch(
        rf"● Recovered: complaint\.latency 53 h \(limit 48 h\), {times}", mail.outbox[0].subject
    )
    assert mail.outbox[0].body.index("It has fired.") < mail.outbox[0].body.index("It has recovered.")
    assert told(breach) == ["Duty officers told by mail in one message: beyond limit, recovered"]


def test_what_opened_and_closed_while_catching_up_is_not_told(breach):
    breach.caught_up = True
    happen(breach)
    happen(breach, watch.RECOVERED, at=breach.fired_at + MINUTE)
    assert send_notices() == 0 and not mail.outbox
    assert told(breach) == 2 * [
        "Notice to Duty officers withheld: it opened and closed while the evaluator was catching up"
    ]


def test_what_is_still_open_at_the_end_of_catching_up_is_told_then(breach):
    breach.caught_up = True
    breach.save()
    happen(breach)
    assert send_notices() == 0 and told(breach) == []
    breach.caught_up = False
    breach.save()
    assert send_notices(now=later(seconds=6)) == 1


def test_a_kpi_that_became_restricted_meanwhile_is_told_to_its_group_only(breach):
    owners = Group.objects.create(name="owners")
    make_receiver("Owners", addresses=["owners@example.org"], group=owners)
    happen(breach)
    kpi = breach.threshold.kpi
    kpi.restricted, kpi.owner = True, owners
    kpi.save()
    assert send_notices() == 1
    assert mail.outbox[0].to == ["owners@example.org"]
    assert (
        "Notice to Duty officers withheld: the KPI is restricted to a group that is not the receiver's"
        in told(breach)
    )


def flap(breach, times, *, start=1):
    """So many pairs of recovery and return while the threshold flaps."""
    for n in range(start, start + times):
        happen(breach, watch.RECOVERED, at=breach.fired_at + 2 * n * MINUTE, flapping=True)
        happen(breach, watch.REOPENED, at=breach.fired_at + (2 * n + 1) * MINUTE, flapping=True)
        send_notices()


def test_a_threshold_that_flaps_is_told_once_and_how_it_stands_once_it_is_calm(breach):
    state = ThresholdState.objects.filter(threshold=breach.threshold)
    happen(breach)
    send_notices()
    state.update(flapping=True, state="firing", value=190_800, n=12)
    flap(breach, 5)
    assert subjects() == ["■ Beyond limit", BEGAN]
    assert told(breach).count("Notice to Duty officers withheld: the threshold flaps, which was told") == 8
    state.update(flapping=False, last_slot=breach.fired_at)
    assert (send_notices(), send_notices()) == (1, 0)
    assert subjects()[2:] == ["■ No longer flapping, still open"]
    since = f"{moments.write_moment(breach.fired_at)}"
    assert f"No longer flapping, beyond limit; not judged since {since}: mean 53 h" in mail.outbox[-1].body, (
        "here nobody judges"
    )
    happen(breach, watch.RECOVERED, at=breach.fired_at + 60 * MINUTE)
    send_notices()
    assert subjects()[3:] == ["● Recovered"]


def test_a_second_time_that_it_flaps_is_told_again(breach):
    state = ThresholdState.objects.filter(threshold=breach.threshold)
    happen(breach)
    send_notices()
    for start in (1, 10):
        state.update(flapping=True)
        flap(breach, 2, start=start)
        state.update(flapping=False)
        send_notices()
    assert subjects()[1:] == 2 * [BEGAN, "■ No longer flapping, still open"]


def test_what_flapped_and_is_over_has_recovered_once_it_is_calm(breach):
    state = ThresholdState.objects.filter(threshold=breach.threshold)
    happen(breach)
    send_notices()
    state.update(flapping=True)
    flap(breach, 3)
    happen(breach, watch.RECOVERED, at=breach.fired_at + 20 * MINUTE, flapping=True)
    send_notices()
    assert subjects() == ["■ Beyond limit", BEGAN]
    silence()
    state.update(flapping=False, state="ok", slot_class="clear", value=36_000)
    assert (send_notices(), send_notices()) == (1, 0), "its end passes a silence"
    assert mail.outbox[-1].subject == "● Recovered: complaint.latency 10 h (limit 48 h)"
    assert "No longer flapping, " in mail.outbox[-1].body
    happen(breach, watch.REOPENED, at=breach.fired_at + 30 * MINUTE)
    assert send_notices() == 0, "under the silence"


def test_what_stays_open_after_flapping_is_told_once_its_silence_is_over(breach):
    state = ThresholdState.objects.filter(threshold=breach.threshold)
    happen(breach)
    send_notices()
    state.update(flapping=True, state="firing")
    flap(breach, 1)
    row = silence()
    state.update(flapping=False)
    assert send_notices() == 0
    end_silence(row)
    assert (send_notices(), send_notices()) == (1, 0)
    assert subjects()[-1] == "■ No longer flapping, still open"


def test_nothing_is_said_of_calm_where_flapping_was_not_told(breach):
    silence()
    ThresholdState.objects.filter(threshold=breach.threshold).update(flapping=True)
    flap(breach, 1)
    Silence.objects.all().delete()
    ThresholdState.objects.filter(threshold=breach.threshold).update(flapping=False)
    assert send_notices() == 0 and not mail.outbox


def test_a_reminder_that_comes_behind_the_end_is_not_told_after_it(breach):
    happen(breach)
    send_notices()
    happen(breach, watch.RECOVERED, at=breach.fired_at + MINUTE)
    # Written while the slots of that time were not judged yet.
    Notice.objects.create(
        receiver=Receiver.objects.get(),
        breach=breach,
        event="still",
        at=breach.fired_at + 9 * MINUTE,
        text="x",
    )
    assert send_notices(now=later(seconds=1)) == 1
    assert subjects() == ["■ Beyond limit", "● Recovered"]
    assert told(breach)[1:] == [
        "Notice to Duty officers withheld: that it is over was told",
        "Duty officers told by mail: recovered",
    ]
