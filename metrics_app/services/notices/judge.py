"""Whether a notice that is due goes out, waits, or is withheld, and why."""

from django.db.models import Q

from metrics_app.core import notices
from metrics_app.core.moments import to_ms
from metrics_app.models import Notice
from metrics_app.services.silences import find_silence, list_acting

SENT = Notice.Outcome.SENT
UNTOLD = " That it began was not told."
LAST = (2**63, 0)  # behind every notice
OF_FLAPPING = {notices.FLAPPING, notices.CALM, notices.RECOVERED}
TOLD_FLAPPING = "the threshold flaps, which was told"


class Judge:
    """Looks at the notices of one receiver in the order in which they happened."""

    def __init__(self, receiver, rows, moment):
        self.receiver, self.moment = receiver, moment
        self.acting = list_acting(at=to_ms(moment))
        ids = {row.breach_id for row in rows if row.breach_id}
        own = {row.pk for row in rows}
        earlier = Notice.objects.filter(receiver=receiver, breach__in=ids).order_by("at", "pk")
        self.earlier = [row for row in earlier if row.pk not in own]
        # By breach the last event that the receiver knows of, and the first one that still waits.
        sent = sorted((row for row in self.earlier if row.outcome == SENT), key=lambda row: row.done_at)
        self.told = {row.breach_id: row.event for row in sent}
        self.waiting, self.reworded = {}, []
        for row in self.earlier:
            if row.done_at is None:
                self.waiting.setdefault(row.breach_id, rank(row))
        self.flapping = self.find_flapping(rows)

    def find_flapping(self, rows):
        """The ids of thresholds that flap as far as the receiver has heard."""
        ids = {row.breach.threshold_id for row in rows if row.event in OF_FLAPPING}
        if not ids:
            return set()
        known = Notice.objects.filter(receiver=self.receiver, breach__threshold__in=ids)
        # Calm is what stays open, and a recovery what does not.
        calm = Q(event=notices.CALM, done_at__isnull=False) | Q(event=notices.RECOVERED, outcome=SENT)
        known = known.filter(Q(event=notices.FLAPPING, outcome=SENT) | calm)
        last = dict(known.order_by("pk").values_list("breach__threshold", "event"))
        return {threshold for threshold, event in last.items() if event == notices.FLAPPING}

    def sort(self, rows):
        """``(send, hold, withheld)``; withheld are pairs of row and reason."""
        send, hold, withheld = [], [], []
        for row in rows:
            reason = self.find_reason(row)
            if reason:
                withheld.append((row, reason))
            elif self.must_wait(row):
                hold.append(row)
                self.waiting.setdefault(row.breach_id, rank(row))
            else:
                self.reword(row)
                send.append(row)
                self.remember(row)
        return send, hold, withheld

    def reword(self, row):
        """Lets a notice say what is the first that its receiver hears of a breach."""
        if row.breach is None or not notices.chose(self.receiver, notices.find_opening(row.breach.kind)):
            return
        event = notices.choose_beginning(row.event, self.told.get(row.breach_id), row.breach.kind)
        if event != row.event:
            row.event, row.text = event, f"{row.text[: 500 - len(UNTOLD)]}{UNTOLD}"
            self.reworded.append(row)

    def must_wait(self, row):
        """Whether it is not known yet what to tell: catching up, or an earlier notice is on its way."""
        return row.breach is not None and (row.breach.caught_up or self.follows_waiting(row))

    def follows_waiting(self, row):
        """Whether an earlier notice of the breach is still to be sent."""
        return self.waiting.get(row.breach_id, LAST) < rank(row)

    def remember(self, row):
        """What the receiver knows once this is sent."""
        if row.breach is not None:
            self.told[row.breach_id] = row.event
        if row.event == notices.FLAPPING:
            self.flapping.add(row.breach.threshold_id)
        elif row.event in OF_FLAPPING:
            self.flapping.discard(row.breach.threshold_id)

    def find_reason(self, row):
        """Why a notice will not be sent; "" where nothing is against it."""
        breach = row.breach
        if breach is None:
            return ""
        if not self.receiver.enabled:
            return "the receiver is switched off"
        if breach.caught_up and breach.recovered_at is not None:
            return "it opened and closed while the evaluator was catching up"
        if not notices.may_know(self.receiver, breach.threshold.kpi):
            return "the KPI is restricted to a group that is not the receiver's"
        if row.event in notices.ENDINGS:
            # Whoever was told that it began is told that it is over, whatever has changed since: silences,
            # its severity, what the receiver asks for. An incident at the other end stays open otherwise.
            return self.find_reason_to_leave_open(row)
        return self.find_reason_not_to_begin(row)

    def find_reason_to_leave_open(self, row):
        """Why it is not told that a breach is over; "" where it is."""
        threshold = row.breach.threshold
        if row.event == notices.RECOVERED and threshold.pk in self.flapping:
            is_paired = self.told.get(row.breach_id) in notices.KNOWN_OPEN
            return "" if is_paired or not threshold.state_row.flapping else TOLD_FLAPPING
        return "that it began was not told" if self.is_unheard(row) else ""

    def find_reason_not_to_begin(self, row):
        """Why it is not told that a breach is open; "" where it is."""
        threshold = row.breach.threshold
        if row.event == notices.FLAPPING and threshold.pk in self.flapping:
            return TOLD_FLAPPING
        if row.event == notices.STILL and self.told.get(row.breach_id) in notices.ENDINGS:
            return "that it is over was told"  # at a slot that was judged late
        if row.event == notices.CALM:
            if threshold.pk not in self.flapping:
                return "it was not told that the threshold flaps"
        elif not notices.covers(self.receiver, row.breach.severity, threshold.kpi):
            return f"the receiver no longer asks for {row.breach.severity} breaches of this KPI"
        silence = find_silence(threshold, self.acting)
        return silence.describe() if silence else ""

    def is_unheard(self, row):
        """Whether the receiver knows nothing of what ends here, and will not hear of it."""
        known = self.told.get(row.breach_id)
        return (known is None or known in notices.ENDINGS) and not self.follows_waiting(row)


def rank(row):
    """The order in which notices of a breach are told."""
    return row.at, row.pk
