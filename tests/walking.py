"""The commands of exercise 12, and a shell that types them."""

import itertools
import re
import subprocess
import time

from hms_gov.ties import Tied
from tests.demos import ROOT, make_environment

PAGE = (ROOT / "exercises/12/README.md").read_text()
# Commands, and what they print where the page shows it.
STEPS = re.findall(r"```sh\n(.*?)```\n(?:\n```text\n(.*?)```)?", PAGE, re.DOTALL)
END = "end of the step"


def split_steps():
    """The steps in two parts, each of which starts a demo."""
    second = next(at for at, (commands, _) in enumerate(STEPS) if at and commands.startswith("make demo"))
    return STEPS[:second], STEPS[second:]


class Shell:
    """One bash for all steps, as a reader has it."""

    def __init__(self, directory):
        self.popen = Tied(
            ["bash"], cwd=directory, env=make_environment(), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip

    def run(self, commands):
        """What the commands print."""
        self.popen.stdin.write(f"{commands}\necho '{END}'\n")
        self.popen.stdin.flush()
        printed = ""
        while (line := self.popen.stdout.readline()) != f"{END}\n":
            assert line, f"bash ended: {printed}"
            printed += line
        return printed


JUDGED = re.compile(r'("name":"Response time".*"condition":)"(ok|silent)","no_data":(true|false)')


def hide_times(text):
    """The text with ms since the epoch made alike, and what a rule says of a point it may have judged."""
    return re.sub(r"\d{13}", "<ms>", JUDGED.sub(r"\1<judged>", text))


def hide_effects(text):
    """The text with the sizes of effects made alike: they differ by the hour at which a demo began."""
    return re.sub(r": [+-]\d+ % \([+-]\d+ to [+-]\d+\)", ": <effect>", text)


def find_written(printed, expected, writes):
    """The lines that writing printed, which is not repeated: all that came as expected before the last."""
    if not writes:
        return ""
    pairs = zip(printed.splitlines(), expected.splitlines(), strict=False)
    same = itertools.takewhile(lambda pair: pair[0] == pair[1], pairs)
    return "".join(f"{line}\n" for line, _ in same)


def walk(shell, steps, hide=hide_times):
    """Types the commands of the steps; each must print what the page says, but for what ``hide`` hides."""
    for commands, expected in steps:
        printed, expected = hide(shell.run(commands)), hide(expected)
        # A slow machine may need a moment more; only reading is repeated.
        reading = "\n".join(line for line in commands.splitlines() if " -d " not in line)
        written, deadline = find_written(printed, expected, reading != commands), time.monotonic() + 30
        while printed != expected and time.monotonic() < deadline:
            printed = written + hide(shell.run(reading))
        assert printed == expected, f"{commands}\n--- printed\n{printed}\n--- expected\n{expected}"
    shell.popen.communicate()
