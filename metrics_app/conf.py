"""Settings of the app: one dict, read late, so that tests and projects may override it."""

from functools import cache

from django.conf import settings
from django.core.signals import setting_changed

DEFAULTS = {
    "REDIS_URL": "",  # redis://… of the bus and the hot window (required)
    "REDIS_PREFIX": "hms",  # first word of every key, so that installations can share a Redis
    "REDIS_SECONDS": 3,  # seconds a request waits for an answer of Redis; then 503, and all others at once
    "SHARDS": 8,  # fixed at installation: a topic's shard is crc32(topic) mod SHARDS
    "AUTO_CREATE_KPIS": True,  # an unknown topic becomes a KPI on first sight
    "AUTO_CREATE_LIMIT": 1_000,  # new KPIs per API key and 24 hours
    "WIRE_FORMATS": {},  # content type of POST /api/v1/points/ -> dotted path of its decoder, beside ours
    "MAX_POINTS": 10_000,  # points per request
    "MAX_BODY": 5_000_000,  # bytes per request
    "MAX_FUTURE": 5,  # seconds a point may lie ahead of the server's clock
    "LOG_POINTS": 100_000,  # newest raw points kept per topic, at most one hour of them
    "HELD_HOURS": 24,  # hours a sealed minute waits in Redis for the archiver
    "LATE_POINTS": 1_000_000,  # late points that wait in Redis per shard for the archiver
    "MINUTES_DAYS": 400,  # days that minutes of history are kept (at least 2)
    "HOURS_DAYS": 36_500,  # days that hours of history are kept; days stay for ever
    "NOTICES_DAYS": 400,  # days that notices of what is over are kept (at least 62)
    "BUS_BYTES": 512_000_000,  # bytes of Redis memory over which the bus refuses (503)
    "STREAMS_PER_USER": 2_000,  # open streams of one person in one process; the oldest gives way
    "STREAMS_PER_KEY": 2_000,  # the same of one key
    "FREEZE_GARBAGE": True,  # long-lived objects are taken from the garbage collector: no stalls
    "FRAMES_PER_SECOND": 10,  # frames per topic and WebSocket client
    "ALLOWED_ORIGINS": [],  # origins of WebSockets besides the site's own
    "EXPORT_ROWS": 600_000,  # rows of one export over HTTP: a year of minutes and some
    "OPEN_DATA_LICENCE": "CC0 1.0 Universal",  # of every KPI that is open data
    "OPEN_DATA_LICENCE_URL": "https://creativecommons.org/publicdomain/zero/1.0/",
    "OPEN_DATA_PUBLISHER": "",  # who publishes, as the page and the catalogue name it; empty: the host
    "OPEN_DATA_CONTACT": "",  # e-mail address for questions about the data
    "OPEN_DATA_ZONE": "UTC",  # zone of the hours and days of open data
    "OPEN_DATA_PER_MINUTE": 60,  # open-data files read in a minute, over all servers; 429 beyond
    # Dotted path: list_actions() -> names of the actions a threshold may propose, or {name: check};
    # check(params) raises ValueError for parameters that the action cannot work with.
    "ACTIONS": "",
    # Dotted path: read_events(after) -> (position, [what live.announce_event takes]); streams/announced.py
    "EVENTS": "",
    # Scope of a key -> the permission ("app.codename") that whoever gives it to one must have.
    "KEY_PERMISSIONS": {},
    # Dotted path: describe_outcomes(breaches, user) -> {id: {"text", "href", "waits"}}: how what breaches
    # opened stands now, as far as the user (None: whoever sees the KPI) may see it.
    "OUTCOMES": "",
    "MARKS": "",  # dotted path: list_marks(topic, start_ms, end_ms, user) -> marks on a KPI's chart
    "AGGREGATES": [],  # dotted paths: core.aggregates.Aggregate records besides ours
    "BREACH_HANDLERS": [],  # dotted paths: handler(breach) -> outcome in words
    # Dotted paths: check() -> {part: {"ok": bool, …}}, told by /readyz beside ours; 503 unless all are ok.
    "READINESS": [],
    # Part of /readyz -> seconds for which it may not have worked; None: it is not expected to work here.
    "MAX_AGES": {},
    "SITE_URL": "",  # https://… of this site, for the links in notices
    "WEBHOOKS": {},  # name -> {"url", "secret"}: where signed webhooks may go
    "WEBHOOK_NETWORKS": [],  # own networks that webhooks may go to though they are not public
    "RECEIVER_KINDS": [],  # dotted paths of core.receivers.Kind: ways of notices besides mail and webhook
    "NOTICE_ATTEMPTS": 15,  # times a notice is tried, over about three hours
}

# Defaults that another installed app brings in place of these: see ``offer``.
OFFERED = {}


@cache
def get_config():
    """The settings dict ``METRICS_APP`` over the defaults."""
    return DEFAULTS | OFFERED | getattr(settings, "METRICS_APP", {})


def offer(**defaults):
    """Defaults from an app that joins this one to others; what the project sets counts more.

    KeyError for a name that is no setting.
    """
    if unknown := defaults.keys() - DEFAULTS.keys():
        raise KeyError(f"METRICS_APP has no key {', '.join(sorted(unknown))}")
    OFFERED.update(defaults)
    get_config.cache_clear()


def get(name):
    """One setting by its name in ``DEFAULTS``."""
    return get_config()[name]


def reset_config(*, setting, **kwargs):
    """Forgets the cached dict when a test overrides it."""
    if setting == "METRICS_APP":
        get_config.cache_clear()


setting_changed.connect(reset_config)
