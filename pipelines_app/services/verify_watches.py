"""Whether what rejections wait for, as the chain tells it, is still looked for."""

from datetime import datetime

from django.utils import timezone

from pipelines_app.core.states import State
from pipelines_app.models import Errand
from pipelines_app.queries.unless import WATCH
from pipelines_app.services.errands.watch import ENDED
from pipelines_app.services.verify_work import is_put_off

# Events that a watch ends in.
WATCHED = dict.fromkeys((ENDED, "reopened"), WATCH)


def note_watch(watches, entry, data):
    """Takes one entry of the chain into ``{proposal: (version, end)}``."""
    if entry.event == "rejected" and isinstance(data.get("unless"), dict):
        watches[entry.pipeline_id] = (data.get("version"), data["unless"].get("until"))
    elif entry.event == ENDED or "state" in data:
        watches.pop(entry.pipeline_id, None)


def check_watches(story, report, using):
    """Names each watch that is gone, or put off beyond its end, while its rejection still waits."""
    rows = Errand.objects.using(using).filter(kind=WATCH, done_at=None, pipeline__state=State.REJECTED)
    found = {(row.pipeline_id, row.version): row for row in rows}
    now = timezone.now()
    for pipeline, (version, until) in story.watches.items():
        end = read_moment(until)
        if end is None or end <= now:
            continue
        row, name = found.get((pipeline, version)), f"the watch of proposal #{pipeline}"
        if row is None:
            report.faults.append(f"{name} is gone")
        elif row.due_at > end:
            report.faults.append(f"{name} was put off beyond its end")
        elif is_put_off(row, story.ends[pipeline][1], now):
            report.faults.append(f"{name} was put off")


def read_moment(text):
    """The moment of an entry, which may have been broken; None then, and the entry is named itself."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return moment if moment.tzinfo else None
