"""What happens later, as rows: planned in the transaction of its cause, done by a drain."""

from pipelines_app.services.errands.drain import run_errands
from pipelines_app.services.errands.plan import end_errand, plan_errand

__all__ = ["end_errand", "plan_errand", "run_errands"]
