"""The channel layer of a project that has no other: the Redis of METRICS_APP, under a prefix of its own."""

from channels_redis.pubsub import RedisPubSubChannelLayer

from metrics_app import conf


class RedisLayer(RedisPubSubChannelLayer):
    """``CHANNEL_LAYERS = {"default": {"BACKEND": "metrics_app.layer.RedisLayer"}}``.

    A single Redis, never a Cluster; what CONFIG says counts more.
    """

    def __init__(self, *, hosts=None, prefix=None, **options):
        hosts = hosts or [conf.get("REDIS_URL")]
        super().__init__(hosts=hosts, prefix=prefix or f"{conf.get('REDIS_PREFIX')}:asgi", **options)
