"""Notices: rows beside the breaches they tell of, grouped and sent by a drain."""

from metrics_app.services.notices.drain import send_notices
from metrics_app.services.notices.health import read_notice_health, read_standings
from metrics_app.services.notices.kinds import list_kinds
from metrics_app.services.notices.prune import prune_notices
from metrics_app.services.notices.receivers import check_receiver, save_receiver
from metrics_app.services.notices.trial import send_test, try_again
from metrics_app.services.notices.write import write_notices

__all__ = [
    "check_receiver",
    "list_kinds",
    "prune_notices",
    "read_notice_health",
    "read_standings",
    "save_receiver",
    "send_notices",
    "send_test",
    "try_again",
    "write_notices",
]
