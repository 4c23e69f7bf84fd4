"""The table of thresholds once more, slow and obvious: everything from the whole history.

Written without a look at ``core.watch``: nothing is carried from slot to slot but
the list of what was seen, and each question is answered by walking that list.
"""

from dataclasses import dataclass, field


@dataclass
class Seen:
    """One judged slot (s) and what it was."""

    slot: int
    kind: str  # breach, band, clear, thin, empty, incomparable, error
    value: float | None = None


@dataclass
class Reference:
    """A threshold that remembers every slot."""

    rule: object
    seen: list = field(default_factory=list)
    states: list = field(default_factory=list)  # after each slot
    breaches: list = field(default_factory=list)  # dicts: kind, start, end, peak
    flapping: bool = False
    began: int = 0  # index of the slot at which pending or recovering began
    incident: int = 0  # index of the first slot beyond the limit

    def credit(self, index):
        """Seconds that the slot at ``index`` adds to a timer: at most one interval."""
        return min(self.seen[index].slot - self.seen[index - 1].slot, self.rule.interval)

    def run_of(self, kinds):
        """Indices of the run of ``kinds`` at the end."""
        first = len(self.seen)
        while first and self.seen[first - 1].kind in kinds:
            first -= 1
        return range(first, len(self.seen))

    def absent_for(self):
        run = self.run_of({"thin", "empty", "incomparable", "error"})
        return sum(self.credit(i) for i in run[1:])

    def empty_for(self):
        run = [i for i in self.run_of({"empty", "error"}) if self.seen[i].kind == "empty"]
        return sum(self.credit(i) for i in run[1:])

    def lasted(self, kinds):
        """Seconds of usable slots since the state began."""
        return sum(
            self.credit(i) for i in range(self.began + 1, len(self.seen)) if self.counts_as[i] in kinds
        )

    counts_as: list = field(default_factory=list)

    def open_breach(self, kind):
        return next((b for b in self.breaches if b["kind"] == kind and b["end"] is None), None)

    def judge(self, slot, kind, value=None):
        """Appends a slot and returns the state after it."""
        before = self.states[-1] if self.states else "ok"
        self.seen.append(Seen(slot, kind, value))
        overdue = kind == "empty" and self.empty_for() >= self.rule.no_data_for
        effective = "clear" if overdue and self.rule.no_data == "ok" else kind
        self.counts_as.append(effective)
        data = self.open_breach("data")
        if data and effective not in ("empty", "error"):
            data["end"] = slot
        after = self.move(before, effective, slot)
        self.states.append(after)
        limit = self.open_breach("limit")
        if limit:
            worst = max if self.rule.operator in ("gt", "gte") else min
            values = [s.value for s in self.seen[self.incident :] if s.kind == "breach"]
            limit["peak"] = worst([*values, *([limit["peak"]] if limit["peak"] is not None else [])])
        if overdue and self.rule.no_data == "fire" and after == "ok" and not self.open_breach("data"):
            self.breaches.append({"kind": "data", "start": slot, "end": None, "peak": None})
        self.judge_flapping()
        return after

    def move(self, before, kind, slot):
        last = len(self.seen) - 1
        if before == "ok" and kind == "breach":
            self.began = self.incident = last
            before = "pending"
        if before == "pending":
            if kind == "breach":
                return self.fire(slot) if self.lasted({"breach"}) >= self.rule.pending_for else "pending"
            if kind in ("band", "clear"):
                return "ok"
            return "ok" if self.absent_for() >= self.rule.no_data_for else "pending"
        if before == "firing" and kind == "clear":
            self.began = last
            before = "recovering"
        if before == "recovering":
            if kind == "clear":
                done = self.lasted({"clear"}) >= self.rule.keep_firing_for
                return self.close(slot) if done else "recovering"
            return "firing" if kind in ("breach", "band") else "recovering"
        return before

    def fire(self, slot):
        closed = [b for b in self.breaches if b["kind"] == "limit"]
        if closed and slot - closed[-1]["end"] <= self.rule.cooldown:
            closed[-1]["end"] = None
        else:
            self.breaches.append({"kind": "limit", "start": slot, "end": None, "peak": None})
        return "firing"

    def close(self, slot):
        self.open_breach("limit")["end"] = slot
        return "ok"

    def judge_flapping(self):
        recent = ["ok"] * 21 + self.states
        share = sum(a != b for a, b in zip(recent[-21:-1], recent[-20:], strict=True)) / 20
        if share >= 0.5:
            self.flapping = True
        elif share < 0.25:
            self.flapping = False
