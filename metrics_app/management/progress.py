"""How far a command is, on a terminal."""

import time


class ProgressBar:
    """A line on a terminal that shows how far it is; silent elsewhere. ``base`` was done before it began."""

    WIDTH = 30

    def __init__(self, stream, total, *, unit="points", base=0):
        self.stream, self.total, self.unit, self.base = stream, total, unit, base
        self.begun, self.silent = time.monotonic(), not stream.isatty()

    def show(self, sent):
        """Draws the bar anew."""
        if self.silent or not self.total:
            return
        done = self.WIDTH * sent // self.total
        rate = (sent - self.base) / max(time.monotonic() - self.begun, 0.001)
        bar = "█" * done + "·" * (self.WIDTH - done)
        end = "\n" if sent == self.total else ""
        self.stream.write(
            f"\r{bar} {sent / self.total:4.0%}  {sent:,} of {self.total:,} {self.unit}, {rate:,.0f}/s{end}"
        )
        self.stream.flush()
