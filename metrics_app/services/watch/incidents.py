"""Breach rows and their timelines, written with the states that made them."""

from django.db.models import Max, Q

from metrics_app import queries
from metrics_app.core import watch
from metrics_app.core.classes import worse
from metrics_app.core.edits import FOLLOWED, read_followed
from metrics_app.core.text.phrases import tell_event
from metrics_app.models import Breach, BreachEvent, Threshold
from metrics_app.services.notices import write_notices
from metrics_app.services.watch.endings import find_causes
from metrics_app.services.watch.rows import update_rows

NOTED = {watch.RECOVERING_BEGAN, watch.RELAPSED, watch.NO_DATA}  # a line and nothing else
OPENING = {watch.FIRED, watch.REOPENED, watch.DATA_OPENED}
CLOSING = {watch.RECOVERED, watch.DATA_CLOSED}
WRITTEN = NOTED | OPENING | CLOSING  # the other events concern no breach
CHANGING = ("recovered_at", "peak", "reopened", "version", *FOLLOWED)


def write_incidents(moved):
    """Opens, closes and updates the breaches of outcomes that moved. Inside their transaction."""
    if not moved:
        return
    thresholds = Threshold.objects.select_related("kpi").in_bulk([outcome.due.id for outcome in moved])
    known = load_breaches(moved)
    causes = find_causes(moved, known, {pk: row.kpi.unit for pk, row in thresholds.items()})
    incidents = [Incident(thresholds[o.due.id], known.get(o.due.id, ()), o, causes) for o in moved]
    for incident in incidents:
        incident.walk()
    # Closed before opened: a threshold has at most one open breach at any moment.
    update_breaches(b for i in incidents for b in i.known if b.recovered_at is not None)
    update_breaches(b for i in incidents for b in i.known if b.recovered_at is None)
    Breach.objects.bulk_create([breach for incident in incidents for breach in incident.opened])
    BreachEvent.objects.bulk_create([event for incident in incidents for event, _ in incident.events])
    write_notices([line for incident in incidents for line in incident.events])


def is_moved(outcome):
    """Whether a breach is opened, closed, noted on, or has become worse."""
    for transition in outcome.transitions:
        if transition.events and not WRITTEN.isdisjoint(transition.events):
            return True
    before, after = outcome.due.state, outcome.states[-1]
    return after.peak != before.peak and after.state in (watch.FIRING, watch.RECOVERING)


def load_breaches(outcomes):
    """Per threshold its open breach and, where one reopens, the last one beyond the limit."""
    ids = [outcome.due.id for outcome in outcomes]
    reopening = [o.due.id for o in outcomes if any(watch.REOPENED in t.events for t in o.transitions)]
    wanted = Q(threshold__in=ids, recovered_at=None)
    if reopening:
        last = Breach.objects.filter(threshold__in=reopening, kind=Breach.Kind.LIMIT).values("threshold")
        wanted |= Q(pk__in=list(last.annotate(last=Max("pk")).values_list("last", flat=True)))
    found = {}
    for breach in Breach.objects.filter(wanted):
        found.setdefault(breach.threshold_id, []).append(breach)
    return found


def update_breaches(breaches):
    """Writes what can change of breaches that exist."""
    rows = [(breach.pk, *(getattr(breach, name) for name in CHANGING)) for breach in breaches]
    update_rows(Breach, CHANGING, rows)


class Incident:
    """The breaches of one threshold while its slots are walked through."""

    def __init__(self, threshold, known, outcome, causes):
        self.threshold, self.known, self.outcome, self.causes = threshold, known, outcome, causes
        # Lines of the timeline, each with the state it tells of.
        self.opened, self.events = [], []
        # By kind the newest breach, open or not.
        self.newest = {breach.kind: breach for breach in known}

    def walk(self):
        """Applies every event of every slot, in order."""
        for state, transition in zip(self.outcome.states, self.outcome.transitions, strict=True):
            for event in transition.events:
                if event in WRITTEN:
                    self.apply(event, state, transition)
            self.raise_peak(state)
        for breach in self.opened:
            # While further slots are due it is not known whether it is still open now.
            breach.caught_up = self.outcome.due.more or breach.recovered_at is not None

    def apply(self, event, state, transition):
        """One event: the breach it opens, closes or is noted on, and its line."""
        kind = Breach.Kind.DATA if event in (watch.DATA_OPENED, watch.DATA_CLOSED) else Breach.Kind.LIMIT
        breach = self.newest.get(kind)
        if event in OPENING:
            breach = self.open(kind, event, breach, state, transition)
        elif breach is None:
            return  # its row has been deleted; the state goes on without
        elif event in CLOSING:
            breach.recovered_at = state.last_slot
        # The first end has it: what opens again in the same walk is of the later rule.
        cause = self.causes.pop(breach.pk, "") if event in CLOSING else ""
        text = tell_event(event, self.threshold, self.threshold.kpi.unit, state, breach, cause)
        line = BreachEvent(breach=breach, at=state.last_slot, kind=event, text=text[:500])
        line.cause = cause and f"because {cause}"
        # Loaded without it; the notices ask for the KPI.
        breach.threshold = self.threshold
        self.events.append((line, state))

    def open(self, kind, event, breach, state, transition):
        """The breach that is open from this slot on: the last one again, or a new one."""
        if breach is not None and (event == watch.REOPENED or breach.recovered_at is None):
            return self.reopen(breach)
        breach = self.newest[kind] = Breach(
            threshold=self.threshold,
            kind=kind,
            version=self.outcome.due.known.version,
            **read_followed(self.threshold),
            since=transition.began or state.last_slot - (state.empty_ms or 0),
            fired_at=state.last_slot,
            value=state.value,
            n=max(state.n, 0),
            peak=state.peak,
        )
        self.opened.append(breach)
        return breach

    def reopen(self, breach):
        """The breach once more, by the rule as it is now."""
        breach.reopened += breach.recovered_at is not None
        breach.recovered_at, breach.version = None, self.outcome.due.known.version
        for name, value in read_followed(self.threshold).items():
            setattr(breach, name, value)
        return breach

    def raise_peak(self, state):
        """Keeps the worst value on the open breach."""
        breach = self.newest.get(Breach.Kind.LIMIT)
        if breach is not None and breach.recovered_at is None:
            breach.peak = worse(self.outcome.due.known.rule.operator, breach.peak, state.peak)


def release_caught_up(marks):
    """Frees breaches that are open at the end of catching up: from now on they are announced."""
    waiting = Breach.objects.filter(caught_up=True, recovered_at=None)
    ready = [
        breach.pk
        for breach in waiting.select_related("threshold__kpi", "threshold__state_row")
        if is_caught_up(breach.threshold, marks)
    ]
    if ready:
        waiting.filter(pk__in=ready).update(caught_up=False)


def is_caught_up(threshold, marks):
    """Whether every slot that its shard's mark has passed is judged."""
    mark = marks.get(queries.shard_for(threshold.kpi.topic), 0)
    return not threshold.enabled or threshold.state_row.due_at >= mark
