"""One form everywhere, with its zone: 2026-11-24 03:31:00 UTC.

``e`` and not ``T``: the name that the zone of the moment itself gives (``metrics_app.middleware.NamedZone``).
"""

DATE_FORMAT = SHORT_DATE_FORMAT = "Y-m-d"
TIME_FORMAT = "H:i:s"
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "Y-m-d H:i:s e"
