"""Notices: who is told of what, in which words, and when it is tried again. Pure."""

import re

from metrics_app.core import watch
from metrics_app.core.conditions import SHAPES
from metrics_app.core.deadman import is_silence_rule
from metrics_app.core.points import match_topic
from metrics_app.core.text.counts import count_words
from metrics_app.core.text.entries import write_duration
from metrics_app.core.text.units import DASH, format_value
from metrics_app.core.text.words import UPPER

FIRING, REOPENED, RECOVERED = "firing", "reopened", "recovered"
DATA, DATA_OVER = "data", "data_over"
STILL = "still"  # the reminder of a breach that stays open
FLAPPING, CALM = "flapping", "calm"  # in place of every pair; and how it stands once that is over
TEST = "test"

# What the watch says, and the notice it becomes.
EVENTS = {
    watch.FIRED: FIRING,
    watch.REOPENED: REOPENED,
    watch.RECOVERED: RECOVERED,
    watch.DATA_OPENED: DATA,
    watch.DATA_CLOSED: DATA_OVER,
}
CHOICES = {
    FIRING: "beyond the limit",
    REOPENED: "open again within the cool-down",
    RECOVERED: "recovered",
    DATA: "no data",
}
OPENINGS = {FIRING, REOPENED, DATA}
ENDINGS = {RECOVERED, DATA_OVER}  # only for whoever was told that it began
KNOWN_OPEN = OPENINGS | {STILL, CALM}  # whoever was told this last believes that it is open
PRESENT = {STILL, CALM}  # told of how it stands: by the present rule, not by the one that fired
SHORTEST_WAIT, LONGEST_WAIT = 5, 1_800  # seconds between two attempts at a receiver
JITTER = 0.2  # of a wait, so that not all come back to a server in one moment
REFUSALS = 3  # answers that a message is not wanted until it is given up: the first may be a slip of a proxy
ANSWERED = re.compile(r"answered (\d{3})")  # as ``webhooks`` says it
MAX_SUBJECT = 150  # characters
HEADS = {
    FIRING: (SHAPES["firing"], "beyond limit"),
    REOPENED: (SHAPES["firing"], "beyond limit again"),
    STILL: (SHAPES["firing"], "still open"),  # which may be on its way back
    RECOVERED: (SHAPES["ok"], "recovered"),
    DATA: (SHAPES["silent"], "no data"),
    DATA_OVER: (SHAPES["ok"], "data breach over"),
    FLAPPING: (SHAPES["pending"], "flapping"),
    CALM: (SHAPES["firing"], "no longer flapping, still open"),  # what is over has recovered
    TEST: (SHAPES["none"], "test"),
}
# What was over before it could be told, and whose end its receiver does not ask for.
OVER = {
    FIRING: (SHAPES["none"], "was beyond limit"),
    REOPENED: (SHAPES["none"], "was beyond limit again"),
    STILL: (SHAPES["none"], "was still open"),
    DATA: (SHAPES["none"], "had no data"),
    CALM: (SHAPES["none"], "no longer flapping, over"),
}
COVERED = {*OVER, *ENDINGS}  # what a later end of the same breach tells along
ENDED = (SHAPES["none"], "ended")
STILL_SILENT = (SHAPES["silent"], "still no data")


def wants(receiver, event, severity, kpi):
    """Whether a receiver asked for an event of a severity of a KPI, and may know of it."""
    return chose(receiver, event) and covers(receiver, severity, kpi)


def chose(receiver, event):
    """Whether a receiver asked for such events."""
    # The end of a data breach is a recovery.
    return (RECOVERED if event == DATA_OVER else event) in receiver.events


def covers(receiver, severity, kpi):
    """Whether a receiver asked for a severity and a KPI, and may know of that."""
    return (
        severity in receiver.severities
        and (not receiver.topics or any(match_topic(pattern, kpi.topic) for pattern in receiver.topics))
        and may_know(receiver, kpi)
    )


def may_know(receiver, kpi):
    """Whether a KPI's notices may go to a receiver: those of a restricted one to its owner group only."""
    return not kpi.restricted or (kpi.owner_id is not None and kpi.owner_id == receiver.group_id)


def find_opening(kind):
    """The event by which a breach of a kind begins."""
    return DATA if kind == "data" else FIRING


def choose_beginning(event, told, kind):
    """As which event a receiver hears that a breach is open, by the last one it was ``told`` of it (or None).

    Nobody hears "again" or "still" who has heard of no first; ``kind`` is that of the breach.
    """
    if told is None and event in (REOPENED, STILL):
        return find_opening(kind)
    return event


def find_wait(failures, luck=0.0):
    """Seconds until a receiver is tried again, after so many failures in a row; ``luck``: 0 to 1."""
    return min(LONGEST_WAIT, SHORTEST_WAIT * 2 ** min(failures - 1, 20)) * (1 - JITTER * luck)


def find_pause(failures, retry_after, luck):
    """As ``find_wait``, where the receiver did not say itself when to come back: never before that."""
    return find_wait(failures, luck) if retry_after is None else retry_after * (1 + JITTER / 2 * luck)


def is_given_up(attempts, age, most, *, refused):
    """Whether a notice that failed again is tried no more.

    ``age`` in seconds since it was written: a receiver that asks for short waits uses up attempts fast,
    and must not thereby shorten the time for which ``most`` attempts last by themselves.
    """
    if refused:
        return attempts >= REFUSALS
    return attempts >= most and max(age, 0) >= sum(find_wait(number, luck=1) for number in range(1, most))


def gather(rows):
    """``[(row, before)]``: notices in their order, each breach up to its last end told by that end alone.

    Nobody is paged for what is over by now. ``before`` are the rows that a row tells along: firing,
    reminders, and recoveries from which it came back.
    """
    last = {row.breach_id: row.pk for row in rows if row.breach_id and row.event in ENDINGS}
    told, before = [], {}
    for row in rows:
        if row.pk == last.get(row.breach_id):
            told.append((row, before.get(row.breach_id, [])))
            del last[row.breach_id]
        elif row.breach_id in last and row.event in COVERED:
            before.setdefault(row.breach_id, []).append(row)
        else:
            told.append((row, []))
    return told


def tell_failure(error, attempts):
    """Why a notice was given up, for many eyes: the answer's status, never the host that an error names.

    "given up after 1 attempt: answered 410 (gone)"; "given up after 8 attempts: why stands in the admin".
    """
    times = count_words(attempts, "attempt")
    status = ANSWERED.match(error)
    gone = " (gone)" if status and status[1] == "410" else ""
    return f"given up after {times}: {status[0] + gone if status else 'why stands in the admin'}"


def find_head(event, kind="limit", *, ended=False, over=False):
    """``(shape, words)`` of an event; ``kind`` is that of its breach.

    ``ended``: nobody watches any more; ``over``: the breach is over as this is told.
    """
    if ended:
        return ENDED
    if over and event in OVER:
        return OVER[DATA if kind == "data" else event]
    return STILL_SILENT if event == STILL and kind == "data" else HEADS[event]


def is_ended(event, value, cause):
    """Whether a breach is over because nobody watches any more, not because of what was seen."""
    return event in ENDINGS and value is None and bool(cause)


def write_summary(event, *, kind, name, value, unit, rule, cause="", over=False):
    """One line that says it all: "■ Beyond limit: Response time 53 h (limit 48 h)".

    ``cause`` is why it ended, where no value ended it: "switched off by ann"; ``over`` as in ``find_head``.
    """
    if cause:
        line = write_summary(event, kind=kind, name=name, value=value, unit=unit, rule=rule, over=over)
        if not is_ended(event, value, cause):
            return f"{line}, {flatten(cause)}"
        shape, words = ENDED
        return f"{shape} {words.capitalize()}: {flatten(name)}, {flatten(cause)}"
    shape, words = find_head(event, kind, over=over)
    line = f"{shape} {words[:1].upper()}{words[1:]}: {flatten(name)}"
    if kind == "data":
        silence = rule.window if is_silence_rule(rule) else rule.no_data_for
        return f"{line} (no point for {write_duration(silence)})" if event in (DATA, STILL) else line
    text = format_value(value, unit, rule.aggregate, beside=rule.limit)
    seen = "" if text == DASH else f" {text}"
    limit = format_value(rule.limit, unit, rule.aggregate)
    return f"{line}{seen} ({'limit' if rule.operator in UPPER else 'lower limit'} {limit})"


def write_subject(facts):
    """The subject of a message: the one summary, or how many of what, and their names."""
    if len(facts) == 1:
        return shorten(facts[0]["summary"], MAX_SUBJECT)
    counts = {}
    for fact in facts:
        head = find_head(fact["event"], fact["kind"], ended=fact.get("ended", False), over=fact.get("over"))
        counts[head] = counts.get(head, 0) + 1
    parts = [f"{shape} {number:,} {words}" for (shape, words), number in counts.items()]
    names = dict.fromkeys(flatten(fact["kpi"]) for fact in facts)
    return shorten(f"{', '.join(parts)}: {', '.join(names)}", MAX_SUBJECT)


def flatten(text):
    """A text in one line, without control characters: it goes into headers."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def shorten(text, length):
    """The beginning of a text that is too long."""
    return text if len(text) <= length else f"{text[: length - 1].rstrip()}…"
