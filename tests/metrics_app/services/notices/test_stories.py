"""What each receiver hears reads as a story: by what it was told, and not by what has happened."""

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from metrics_app.core import watch
from metrics_app.core.moments import to_ms
from metrics_app.core.receivers import Kind
from metrics_app.exceptions import DeliveryFailed
from metrics_app.models import Receiver, Silence, ThresholdState
from metrics_app.services.notices import kinds, save_receiver, send_notices
from tests.examples import examples
from tests.metrics_app.telling import happen, make_receiver, open_breach

# What it asks of the database the tests of each module ask of both.
pytestmark = [pytest.mark.slow, pytest.mark.django_db, pytest.mark.any_database]
QUICK = (Phase.explicit, Phase.generate)  # an example takes a second on a busy machine
HOUR_S = 3600

# What receivers ask for; all of them are reminded after two hours.
ASKED = (
    ["firing", "reopened", "recovered"],
    ["firing", "reopened"],
    ["firing", "recovered"],
    ["reopened", "recovered"],
    ["firing"],
)
NOTHING, OPEN, OVER, FLAPS = "nothing", "it is open", "it is over", "it flaps"
# By word: what a receiver may know before it hears that, and what it knows then.
SENSE = {
    "firing": ({NOTHING, FLAPS}, OPEN),
    "reopened": ({OPEN, OVER}, OPEN),
    "still": ({OPEN}, OPEN),
    "recovered": ({OPEN, FLAPS}, OVER),
    "flapping": ({NOTHING, OPEN, OVER}, FLAPS),
    "calm": ({FLAPS}, OPEN),
}


class Town:
    """One breach, receivers, silences, under whatever happens to them; and what each receiver heard."""

    def __init__(self, base):
        self.now = timezone.now()
        self.breach = open_breach(fired_at=base, caught_up=True)
        self.state = ThresholdState.objects.filter(threshold=self.breach.threshold)
        self.is_open = self.has_begun = self.flaps = False
        self.heard, self.refusing, self.made = {}, set(), 0

    def carry(self, receiver, message, facts, earlier):
        """Hears one message, unless the receiver does not want any now."""
        if receiver.name in self.refusing:
            raise DeliveryFailed("answered 400", refused=True)
        heard = self.heard.setdefault(receiver.name, [])
        for fact in facts:
            heard += [(one["event"], False) for one in fact["before"]]
            heard.append((fact["event"], fact["over"]))
        return "mail"

    def do(self, word, number):
        """One step, and a round of the drain unless the word says that it comes later."""
        self.now += timedelta(seconds=60)
        getattr(self, word.removesuffix(" later"))(number)
        if not word.endswith("later"):
            send_notices(now=self.now)

    def move(self, number):
        """The next event of the breach."""
        if self.is_open:
            event = watch.RECOVERED
        else:
            event = watch.REOPENED if self.has_begun else watch.FIRED
            self.breach.caught_up, self.has_begun = False, True
            self.breach.save()
        self.is_open = not self.is_open
        self.state.update(state="firing" if self.is_open else "ok")
        happen(self.breach, event, at=to_ms(self.now), now=self.now, flapping=self.flaps)

    def flap(self, number):
        """The threshold begins to flap, or is calm again."""
        self.flaps = not self.flaps
        self.state.update(flapping=self.flaps)

    def silence(self, number):
        """All is silenced for a time."""
        ends = self.now + timedelta(hours=1 + number)
        Silence.objects.create(topic="*", reason="works", starts_at=self.now, ends_at=ends)

    def speak(self, number):
        """No silence acts any more."""
        Silence.objects.all().delete()

    def add(self, number):
        """One more receiver."""
        asked = ASKED[(number + self.made) % len(ASKED)]
        self.made += 1
        make_receiver(f"{self.made}", events=asked, repeat_after=2 * HOUR_S)

    def switch(self, number):
        """A receiver is switched off, or on."""
        self.change(number, lambda row: setattr(row, "enabled", not row.enabled))

    def narrow(self, number):
        """A receiver no longer asks for what this is, or does again."""
        both = ["info"], ["info", "critical"]
        self.change(number, lambda row: setattr(row, "severities", both[len(row.severities) == 1]))

    def change(self, number, how):
        """Saves a change of one of the receivers."""
        if row := Receiver.objects.order_by("pk")[number % 3 :].first():
            how(row)
            save_receiver(row, by=None)

    def refuse(self, number):
        """A receiver wants no message, or does again."""
        self.refusing ^= {f"{number % 3 + 1}"}

    def wait(self, number):
        """Time passes."""
        self.now += timedelta(hours=1 + number)
        send_notices(now=self.now)


def check_story(words, asked):
    """Each word makes sense after those before it; what the receiver knows in the end."""
    knows = NOTHING
    for event, over in words:
        before, after = SENSE[event]
        # Whoever asks for reopenings alone hears "again" first: that is what it chose.
        chosen = event == "reopened" and knows == NOTHING and "firing" not in asked
        assert knows in before or chosen, f"{event} to one who knows {knows}: {words}"
        # "Was beyond limit": its end is told with it to whoever asks for no ends. All are told of calm.
        knows = OVER if over and "recovered" not in asked and after != FLAPS else after
    return knows


def check_end(town, row, knows):
    """With every silence over each knows what is open, if it asks for that, and no end is missing."""
    is_asked = row.enabled and "critical" in row.severities and {"firing", "reopened"} <= set(row.events)
    if town.is_open and not town.flaps and is_asked:
        assert knows == OPEN
    if not town.is_open and row.enabled and "recovered" in row.events and not town.flaps:
        assert knows in (NOTHING, OVER)


WORDS = ["move", "move", "move later", "move later", "silence", "silence later", "speak", "speak later"]
WORDS += ["add", "switch", "narrow", "refuse", "wait", "flap"]
steps = st.lists(st.tuples(st.sampled_from(WORDS), st.integers(0, 4)), min_size=4, max_size=11)
UNHEARD = [("silence", 4), ("move", 0), ("move", 0), ("speak later", 0), ("move", 0)]
REFUSED = [("refuse", 0), ("move", 0), ("wait", 0), ("wait", 0), ("refuse", 0), ("wait", 3)]


@settings(
    max_examples=examples(24), phases=QUICK, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@example([("add", 0), *UNHEARD])
@example([("add", 0), *REFUSED])
@given(steps)
def test_every_receiver_hears_a_story(base, monkeypatch, what):
    with monkeypatch.context() as patch, transaction.atomic():
        town = Town(base)
        kind = Kind(name="mail", label="mail", asks={}, check=lambda receiver: (), carry=town.carry)
        patch.setattr(kinds, "list_kinds", lambda: {"mail": kind})
        for word, number in [("add", 0), ("add", 0), *what]:
            town.do(word, number)
        refused = set(town.refusing)
        town.refusing.clear()
        town.speak(0)
        for _ in range(3):
            town.wait(4)
        for row in Receiver.objects.all():
            knows = check_story(town.heard.get(row.name, ()), row.events)
            if row.name not in refused:
                check_end(town, row, knows)
        transaction.set_rollback(True)
