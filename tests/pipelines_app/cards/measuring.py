"""A project that measures, for tests of what is written of its answers."""

HOUR, MINUTE = 3600, 60_000
RULE = {"aggregate": "mean", "aggregate_value": None, "window": 1800, "operator": "gt", "limit": 48 * HOUR}


class Project:
    """Answers ``measure`` and ``freeze`` with what a test sets: words, values, a cost."""

    def __init__(self):
        self.value, self.text, self.unit = 50 * HOUR, "50 h", "seconds"
        self.label, self.limit_text = "mean over 30 min", "48 h"
        self.cost, self.behind = None, None
        self.asked = []

    def measure(self, topic, rule, end, *, draw_from=None, cost_from=None):
        """The same words for any rule; what was asked for is noted."""
        self.asked.append({"rule": rule, "draw_from": draw_from, "cost_from": cost_from})
        found = {"rule": rule or {"aggregate": "mean", "window": 1800}, "n": 30}
        found |= {name: getattr(self, name) for name in ("label", "unit", "value", "text", "limit_text")}
        found["behind"] = self.behind
        if draw_from is not None:
            found["curve"] = {"ts": [draw_from, end], "values": [1.0, self.value]}
        if cost_from is not None:
            found["cost"] = self.cost and self.cost | {"since": cost_from}
        return found

    def freeze(self, topic, start, end):
        """The KPI's tile at the end of a span."""
        quantity = self.measure(topic, None, end, draw_from=start)
        facts = {"value": self.value, "n": 30, "measured_from": start, "measured_to": end}
        return facts | {"quantity": quantity}
