"""Which keys in Redis a backup holds: the one list of all kinds of keys, kept or left.

Kept is what was acknowledged and nobody else knows. Left is what says who works now, what the database
says better, and what is over within a day or a minute.
"""

# Of a shard: one key of each, one per topic, and one per idempotency key.
OF_SHARD = ("meta", "head", "begun", "gens", "dirty", "hot", "late", "bus")
OF_TOPIC = ("ring", "det", "log", "held")
# Of those who emit, who share a place of their own.
EMITTERS = "emitters"
OF_EMITTERS = ("dropped",)
# One per batch that came under an idempotency key, or that told of losses.
MARKS = ("idem", "told")
# Of the whole site: one key of each, and one per name.
OF_SITE = ("shards", "recording", "archive_warnings", "collectors")
REPLAYED = "replayed"
NAMED = ("kpis", REPLAYED)
LEFT = {
    "lease": "which collector works",
    "worked": "when each part last worked",
    "presence": "which processes have streams open",
    "beats": "which beats ask for work",
    "clocks": "which machines' clocks are off now",
    "skew": "whose clock is off now",
    "seats": "which streams partners have open",
    "key": "what the database says of a key",
    "requests": "what was asked within a minute",
    "ticket": "admits one stream within seconds",
    "used_ticket": "was one, a moment ago",
    "restoring": "a restore that has not ended",
    "asgi": "the channel layer: bells, of which none is missed",
    "celery": "the broker: it asks for what stands in the database",
}
