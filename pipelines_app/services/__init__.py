"""Write side: open a proposal, decide it, let it lapse, carry it out. Rules live here and in ``core``."""

from pipelines_app.services.change import change_suggestion, withdraw
from pipelines_app.services.close import close
from pipelines_app.services.decide import approve, reject
from pipelines_app.services.delegate import delegate, end_delegation
from pipelines_app.services.errands import run_errands
from pipelines_app.services.errands.figures import emit_open
from pipelines_app.services.execution import confirm, fail, retry, undo
from pipelines_app.services.expire import expire
from pipelines_app.services.propose import open_pipeline, propose
from pipelines_app.services.restrict import restrict
from pipelines_app.services.stop import resume, stop

__all__ = [
    "approve",
    "change_suggestion",
    "close",
    "confirm",
    "delegate",
    "emit_open",
    "end_delegation",
    "expire",
    "fail",
    "open_pipeline",
    "propose",
    "reject",
    "restrict",
    "resume",
    "retry",
    "run_errands",
    "stop",
    "undo",
    "withdraw",
]
