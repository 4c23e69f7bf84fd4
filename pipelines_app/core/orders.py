"""What an approval asks an action to carry out."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Order:
    """One version of a proposal, to be applied once per ``key``, however often it is asked for.

    ``proposal`` is its id, ``topic`` is empty where no KPI measures it, ``parameters`` are the
    action's own, ``attempt`` counts from 1, and anew when a person asks for another. A worker that
    dies asks again under the same key.
    """

    proposal: int
    version: int
    title: str
    topic: str = ""
    parameters: dict = field(default_factory=dict)
    attempt: int = 1

    @property
    def key(self):
        """Its name through every attempt: ``pipeline:12:1``."""
        return f"pipeline:{self.proposal}:{self.version}"


def tell_parameters(parameters):
    """An action's parameters in a line: ``agents: 2, until: May``; empty for none."""
    return ", ".join(f"{name}: {value}" for name, value in parameters.items())
