"""The project's settings for the references' servers: the sorted-set door, and a channel layer by name.

No middleware, so that the references pay for nothing they do not use.
`STOCK_LAYER` is `core` (the documented default of channels_redis) or `pubsub`
(the one this project uses).
"""

import os

from hms_gov.settings import *  # noqa: F403 - a settings module is its names

ROOT_URLCONF = "bench.references.sorted_set_door"
MIDDLEWARE = []

LAYERS = {
    "core": "channels_redis.core.RedisChannelLayer",
    "pubsub": "channels_redis.pubsub.RedisPubSubChannelLayer",
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": LAYERS[os.environ.get("STOCK_LAYER", "pubsub")],
        "CONFIG": {"hosts": [CHANNEL_REDIS_URL], "prefix": "stock"},  # noqa: F405
    }
}
