"""When each part of the service last worked, as it has noted in Redis: see ``services.ages``."""

from metrics_app import conf
from metrics_app.clock import redis_now
from metrics_app.connection import get_redis, guard

EVALUATOR = "evaluator"


def name_hash():
    """The key of ``{part: ms}``."""
    return f"{conf.get('REDIS_PREFIX')}:worked"


def read_judged():
    """The moment (ms) at which the evaluator last completed a round; 0 where it never did. BusUnavailable."""
    with guard():
        return int(get_redis().hget(name_hash(), EVALUATOR) or 0)


def read_ages():
    """``{part: seconds}`` since each part last worked, of all that ever did. BusUnavailable."""
    with guard():
        worked = get_redis().hgetall(name_hash())
    now = redis_now()
    return {part.decode(): max(0, now - int(at)) / 1000 for part, at in worked.items()}
