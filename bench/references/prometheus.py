"""Prometheus as it evaluates rules: a server of its own with half an hour of points of each metric.

From the system's package (`apt-get install prometheus`); its own figure for the evaluation
of a group is read, without the time of HTTP.
"""

import json
import shutil
import subprocess
import time
from urllib.error import URLError
from urllib.request import urlopen

from hms_gov.embedded import find_free_port

INTERVAL = 15  # seconds between two evaluations
SCRAPE = 30  # seconds between two points
SPAN = 3_600  # seconds of points


def is_installed():
    """Whether both programs of the package are here."""
    return bool(shutil.which("prometheus") and shutil.which("promtool"))


class Prometheus:
    """A running server with ``rules`` rules over ``metrics`` metrics; ended by ``close``."""

    def __init__(self, directory, rules, metrics, beyond):
        self.directory = directory
        directory.mkdir()
        self.write_points(metrics, beyond)
        self.write_rules(rules, metrics)
        self.address = f"127.0.0.1:{find_free_port()}"
        self.seen = ""
        with (directory / "log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    "prometheus",
                    f"--config.file={directory / 'prometheus.yml'}",
                    f"--storage.tsdb.path={directory / 'data'}",
                    f"--web.listen-address={self.address}",
                ],
                stderr=log,
            )

    def write_points(self, metrics, beyond):
        """The last hour of each metric, one in ``beyond`` above the limit, as a block of its store."""
        now, text = int(time.time()), self.directory / "points.om"
        with text.open("w") as file:
            for number in range(metrics):
                file.write(f"# TYPE m{number} gauge\n")
                value = 20 if number % beyond == 1 else 5
                file.writelines(f"m{number} {value} {ts}\n" for ts in range(now - SPAN, now - 1, SCRAPE))
            file.write("# EOF\n")
        command = ["promtool", "tsdb", "create-blocks-from", "openmetrics", text, self.directory / "data"]
        subprocess.run(command, check=True, capture_output=True)
        text.unlink()

    def write_rules(self, rules, metrics):
        """One group, as one team's rules are."""
        lines = [f"groups:\n- name: bench\n  interval: {INTERVAL}s\n  rules:\n"]
        for number in range(rules):
            lines.append(f"  - alert: a{number}\n    expr: avg_over_time(m{number % metrics}[30m]) > 10\n")
        (self.directory / "rules.yml").write_text("".join(lines))
        (self.directory / "prometheus.yml").write_text("rule_files: [rules.yml]\n")

    def measure(self, timeout=120):
        """Waits for the next evaluation to end; what it took, in ms."""
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise RuntimeError(f"Prometheus ended: {(self.directory / 'log').read_text()[-2000:]}")
            group = self.read_group()
            if group and group["evaluationTime"] and group["lastEvaluation"] != self.seen:
                self.seen = group["lastEvaluation"]
                return group["evaluationTime"] * 1000
            time.sleep(0.2)
        raise RuntimeError(f"Prometheus evaluated nothing within {timeout} s")

    def read_group(self):
        """The group as the server tells it, None while it does not answer yet."""
        try:
            with urlopen(f"http://{self.address}/api/v1/rules") as answer:
                groups = json.load(answer)["data"]["groups"]
        except (URLError, ConnectionError):
            return None
        return groups[0] if groups else None

    def close(self):
        """Ends it."""
        self.process.terminate()
        self.process.wait()
