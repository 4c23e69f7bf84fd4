"""How often somebody knocks: requests counted per minute, over all processes."""

import time

from metrics_app.connection import get_redis, guard, name_key

MINUTE = 60  # seconds


@guard()
def count_request(who, limit):
    """Counts a request of this minute; seconds until it may come again, 0 while within ``limit``."""
    now = int(time.time())
    name = name_key("requests", f"{who}:{now // MINUTE}")
    pipe = get_redis().pipeline(transaction=True)
    pipe.incr(name)
    pipe.expire(name, 2 * MINUTE)
    count, _ = pipe.execute()
    return MINUTE - now % MINUTE if count > limit else 0
