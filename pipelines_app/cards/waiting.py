"""How many proposals wait, whose they are and in which order, and what was decided today."""

from urllib.parse import urlencode

from django.utils import timezone

from pipelines_app import queries
from pipelines_app.cards.writing import tell_sight, write
from pipelines_app.core.counts import agree, count_words
from pipelines_app.core.finding import write_fields
from pipelines_app.core.moments import to_ms
from pipelines_app.queries.finding import limit_alike, pick_mine


def list_waiting(user, wanted, *, now):
    """The open proposals that this person may see and that fit ``wanted``, most urgent first."""
    waiting = queries.list_inbox(limit_alike(queries.visible_to(user), wanted), now=now)
    return pick_mine(waiting, wanted["mine"], user, now=now) if "mine" in wanted else waiting


def describe_waiting(user, *, wanted=None, now=None):
    """What waits, among what this person may see: ``count``, ``order`` (ids) and it in words.

    ``to_do`` is how many steps, failures and effects this person can carry on. ``count`` is of those
    that this person may decide; nobody else's are theirs to hurry with. ``order`` is of those that fit
    ``wanted`` (``core.finding``). ``oldest`` (ms) lets a page count on: the texts have an age between
    ``before`` and ``after``.
    """
    now = now or timezone.now()
    waiting = queries.list_inbox(queries.visible_to(user), now=now)
    lent = queries.share_lent(waiting)
    mine = sum(not queries.why_not_decide(pipeline, user, now=now, lent=lent) for pipeline in waiting)
    told = {"count": mine, "headline": tell_headline(mine, len(waiting), user)}
    told["to_do"] = queries.count_to_do(queries.visible_to(user), user, now=now)
    if not waiting:
        none = {"sentence": f"{count_waiting(0, user)} for a decision", "order": [], "oldest": None}
        return told | none | {"lead": "", "before": "", "after": ""}
    oldest = min(map(queries.find_waiting_since, waiting))
    age = write(round_age((now - oldest).total_seconds()), "seconds")
    since = "for " if len(waiting) == 1 else "the oldest for "
    after = " · sorted by severity, then by what the waiting costs"
    return told | {
        "sentence": f"{count_waiting(len(waiting), user)} for a decision, {since}{age}",
        "lead": f"{since.capitalize()}{age}{after}",
        "before": since.capitalize(),
        "after": after,
        "oldest": to_ms(oldest),
        "order": [pipeline.pk for pipeline in (list_waiting(user, wanted, now=now) if wanted else waiting)],
    }


def tell_headline(mine, count, user):
    """``1 proposal waits for you · 2 wait for others``; without "you" for who decides on none."""
    if not queries.may_decide_any(user):
        return f"{count_waiting(count, user)} for a decision"
    others = count - mine
    rest = f" · {others:,} {agree(others, 'waits', 'wait')} for others" if others else ""
    return f"{count_words(mine, 'proposal waits', 'proposals wait').capitalize()} for you{rest}"


def count_waiting(count, user):
    """``2 proposals wait``; of none among those that this person may see."""
    seen = tell_sight(user, count=count)
    return count_words(count, f"proposal{seen} waits", "proposals wait").capitalize()


def tell_today(user, *, now=None):
    """What was decided today, among what this person may see, in a sentence."""
    since = queries.start_of_day(now or timezone.now())
    today = queries.count_decided(queries.visible_to(user), since=since)
    names = ("approved", "rejected", "expired", *["withdrawn"] * bool(today["withdrawn"]))
    return "Decided today: " + ", ".join(f"{today[name]} {name}" for name in names)


def describe_today(user, *, now=None):
    """``today`` in a sentence, and the fields ``today_query`` of the address that lists just that."""
    day = timezone.localdate(now)
    query = urlencode(write_fields({"from": day, "to": day}))
    return {"today": tell_today(user, now=now), "today_query": query}


def round_age(seconds):
    """Whole minutes from one minute on: below it the seconds, which the page counts on."""
    return seconds // 60 * 60 if seconds >= 60 else max(0, int(seconds))
