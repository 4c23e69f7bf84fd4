"""How often somebody knocks: requests counted per minute, over all processes."""

import time

from metrics_app.connection import get_redis, guard, name_key
from metrics_app.core.durations import MINUTE_S


@guard()
def count_request(who, limit):
    """Counts a request of this minute; seconds until it may come again, 0 while within ``limit``."""
    now = int(time.time())
    name = name_key("requests", f"{who}:{now // MINUTE_S}")
    pipe = get_redis().pipeline(transaction=True)
    pipe.incr(name)
    pipe.expire(name, 2 * MINUTE_S)
    count, _ = pipe.execute()
    return MINUTE_S - now % MINUTE_S if count > limit else 0
