"""What happens later, as rows: planned in the transaction of its cause, done by a drain."""

from pipelines_app.services.errands.drain import run_errands
from pipelines_app.services.errands.health import read_errand_health
from pipelines_app.services.errands.plan import end_errand, plan_errand

__all__ = ["end_errand", "plan_errand", "read_errand_health", "run_errands"]
