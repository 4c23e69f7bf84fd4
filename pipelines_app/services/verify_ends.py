"""Whether errands ended as the chain tells, of every kind; and whether figures and answers are as it tells.

An end stands in the entry of what the errand did (done, judged, reminded), or in one of the drain. That a
figure or an answer is asked for is a matter of settings, so one that has not ended is missed by nobody.
"""

from datetime import datetime

from pipelines_app.core.chain import digest
from pipelines_app.core.errands import ENDS, SETTLED
from pipelines_app.core.figures import DECISION, EFFECT
from pipelines_app.core.versions import NOTED
from pipelines_app.models import Errand
from pipelines_app.queries.unless import WATCH
from pipelines_app.services.errands.act import HANDED_OVER
from pipelines_app.services.errands.deadlines import tell_outcome
from pipelines_app.services.errands.measure import tell_verdict
from pipelines_app.services.errands.plan import ACT, ANSWER, FIGURE, LONGEST, MAIL, MEASURE
from pipelines_app.services.errands.watch import AGAIN, tell_watch

# Events that ask anew for an errand of their version that may have ended.
ASKING = {"approved": ACT, "retried": ACT, "rejected": WATCH}
RECIPIENTS = {ANSWER: ("",), FIGURE: (DECISION, EFFECT)}


def note_ends(settled, asked, entry, data):
    """Takes one entry into ``{(proposal, version, kind, recipient): (hash of the outcome, when, seq)}``.

    ``asked`` holds the entry after which what opened a proposal was last told of it anew.
    """
    if entry.event == SETTLED:
        for one in data.get(ENDS, ()):
            key = entry.pipeline_id, one["version"], one["kind"], one["recipient"]
            settled[key] = one["sha256"], datetime.fromisoformat(one["at"]), entry.seq
    elif entry.event != NOTED:
        asked[entry.pipeline_id] = entry
    if kind := ASKING.get(entry.event):
        key = entry.pipeline_id, data.get("version"), kind, ""
        # What people do was handed over once, and is not asked for again.
        if settled.get(key, ("",))[0] != digest(HANDED_OVER):
            settled.pop(key, None)


def check_ends(story, report, using):
    """Names each figure and answer that was changed or made up, and of all kinds what is gone."""
    missing = set(story.settled)
    for row in Errand.objects.using(using).order_by("pk").iterator(chunk_size=2000):
        missing.discard(find_key(row))
        if row.kind not in RECIPIENTS:
            continue
        if row.recipient not in RECIPIENTS[row.kind] or row.pipeline_id not in story.asked:
            report.faults.append(f"{name_row(*find_key(row))} was made up")
        elif not is_ended_so(row, None, story):
            report.faults.append(f"{name_row(*find_key(row))} was changed")
    gone = [f"{name_row(*key)} is gone" for key in sorted(missing)]
    # What others miss as well is named once.
    report.faults += [fault for fault in gone if fault not in report.faults]


def find_key(row):
    """What an errand is unique by."""
    return row.pipeline_id, row.version, row.kind, row.recipient


def name_row(pipeline, version, kind, recipient):
    """``the errand act of proposal #12, version 1``, ``the mail due:5 of proposal #12, version 1``."""
    what = f"mail {recipient}" if kind == MAIL else f"errand {f'{kind} {recipient}'.strip()}"
    return f"the {what} of proposal #{pipeline}, version {version}"


def is_ended_so(row, own, story):
    """Whether an errand has the end that the chain tells of, or none; ``own``: its own entry, with data."""
    settled = story.settled.get(find_key(row))
    if row.done_at is None:
        return row.outcome == "" and may_be_open(row, own, settled, story)
    if row.error:
        return False
    if settled is not None:
        return settled[:2] == (digest(row.outcome), row.done_at)
    # What gave up is ended behind its entry, by an entry of the drain.
    if own is None or own[0].event == "failed":
        return False
    entry, data = own
    if row.kind == WATCH and entry.event == "reopened":
        return row.done_at == entry.at and is_reopening(row.outcome, data.get("said", ""))
    return (row.outcome, row.done_at) == (tell_end(row.kind, entry.event, data)[:LONGEST], entry.at)


def may_be_open(row, own, settled, story):
    """Whether the chain leaves an errand to be done: a worker may have died before it ended its own."""
    if settled is None:
        return own is None or own[0].event == "failed"
    return row.kind == ANSWER and story.asked[row.pipeline_id].seq > settled[2]


def is_reopening(outcome, said):
    """Whether a watch ended in what the entry says has come: that goes on with what was waited for."""
    return len(outcome) > len(AGAIN) and f"{AGAIN}{said}".startswith(outcome)


def tell_end(kind, event, data):
    """The outcome of an errand, from what its entry says, which may have been broken."""
    if kind == ACT:
        return data.get("outcome", "")
    if kind == MEASURE:
        return tell_verdict(data.get("verdict", ""), data.get("reason", ""))
    if kind == WATCH:
        return tell_watch(data.get("comment", ""))
    return tell_outcome(event, data.get("people"))
