"""Settings of the project. Everything a deployment changes comes from the environment.

Without any environment the project joins the demo in its data directory
(``HMS_DATA_DIR``, by default ``.demo`` beside ``manage.py``): its SQLite file,
its private Redis and its secret key live there.
"""

import sys
from datetime import timedelta
from importlib.util import find_spec
from pathlib import Path

import environ

import hms_gov.schedule
import metrics_app.schedule
import pipelines_app.schedule
from hms_gov.variables import read_line, read_object, read_or_create_secret

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

DATA_DIR = Path(env.str("HMS_DATA_DIR", default=str(BASE_DIR / ".demo"))).resolve()
SECRET_KEY = env.str("SECRET_KEY", default="") or read_or_create_secret(DATA_DIR / "secret_key")
DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# One Redis for the bus and the hot window (a Cluster is allowed there); the
# channel layer and the Celery broker need a single Redis.
REDIS_URL = env.str("REDIS_URL", default="") or read_line(DATA_DIR / "redis.url")
CHANNEL_REDIS_URL = env.str("CHANNEL_REDIS_URL", default="") or REDIS_URL
CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default="") or REDIS_URL
REDIS_PREFIX = env.str("REDIS_PREFIX", default="hms")

# Periodic tasks in tables that the admin shows, where the package is; it may be behind the newest Django.
WITH_BEAT = bool(find_spec("django_celery_beat"))
# Only `runserver` needs daphne, which without it knows no streams; all else would load Twisted for nothing.
WITH_DAPHNE = "runserver" in sys.argv and bool(find_spec("daphne"))
INSTALLED_APPS = [
    *["daphne"] * WITH_DAPHNE,
    "hms_gov.site_config.SiteConfig",  # django.contrib.admin
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    *["django_celery_beat"] * WITH_BEAT,
    "axes",
    "hms_gov.joins",  # before the apps: its templates take the place of some of theirs
    "metrics_app",
    "pipelines_app",
    "hms_gov",
]

MIDDLEWARE = [
    "hms_gov.middleware.VisitorMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "hms_gov.middleware.ContentSecurityPolicyMiddleware",
    # Inside of the two above: its own answer has their headers, too.
    "axes.middleware.AxesMiddleware",
    "metrics_app.middleware.ReaderTimeZoneMiddleware",
]

ROOT_URLCONF = "hms_gov.urls"
ASGI_APPLICATION = "hms_gov.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

DATABASES = {"default": env.db("DATABASE_URL", default=f"sqlite:///{DATA_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        # IMMEDIATE: a transaction that reads first and writes later would
        # otherwise fail with "database is locked" instead of waiting.
        "transaction_mode": "IMMEDIATE",
        "timeout": 10,
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
    # pytest-django's in-memory database cannot be shared between processes.
    DATABASES["default"]["TEST"] = {"NAME": env.str("TEST_SQLITE", default="") or None}
if DATABASES["default"]["ENGINE"].endswith("postgresql"):
    # Seconds; one that takes connections and does not answer would hold each request and task for ever.
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
# How often a wrong password may be tried: docs/security.md#logging-in.
AUTHENTICATION_BACKENDS = ["hms_gov.logins.PasswordBackend"]
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=[])
AXES_HANDLER = "hms_gov.logins.LoginHandler"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"], "ip_address"]
AXES_FAILURE_LIMIT = 5  # wrong passwords for one name from one address; logins.py has the bound of an address
AXES_COOLOFF_TIME = timedelta(minutes=15)  # from the last wrong password that counted
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_RESET_ON_SUCCESS = True
AXES_USERNAME_CALLABLE = "hms_gov.logins.normalize_name"
AXES_CLIENT_IP_CALLABLE = "hms_gov.logins.find_address"
AXES_LOCKOUT_CALLABLE = "hms_gov.logins.answer_locked"
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False
AXES_VERBOSE = False
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/accounts/login/"

LANGUAGE_CODE = "en"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
FORMAT_MODULE_PATH = "hms_gov.formats"

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "static"
# Found in the apps without collectstatic, so that `make demo` needs one step less.
WHITENOISE_USE_FINDERS = True

# A request body over the 5 MB of the contract is refused by the view, which
# says so; Django's own limit only stops what the view never reads.
DATA_UPLOAD_MAX_MEMORY_SIZE = 6_000_000
# Seconds: how long a sender may stop in the middle of a request, and how long all of one may take.
REQUEST_IDLE = env.int("REQUEST_IDLE", default=15)
REQUEST_SECONDS = env.int("REQUEST_SECONDS", default=120)

SECURE_CONTENT_TYPE_NOSNIFF = True
X_FRAME_OPTIONS = "DENY"
HTTPS = env.bool("HTTPS", default=False)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SECURE_SSL_REDIRECT = env.bool("HTTPS_REDIRECT", default=HTTPS)
# Asked from inside, by health checks and collectors of figures, without the proxy that ends TLS.
SECURE_REDIRECT_EXEMPT = [r"^(healthz|readyz(/.*)?|metrics)/?$"]
# Browsers keep it: a site that must be able to go back to http says 0.
SECURE_HSTS_SECONDS = env.int("HSTS_SECONDS", default=31_536_000) if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = env.bool("HSTS_SUBDOMAINS", default=False)
# Whether all subdomains and browsers' lists are meant, only their owner can know.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
if HTTPS:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [CHANNEL_REDIS_URL], "prefix": f"{REDIS_PREFIX}:asgi"},
    },
}

# For drf-spectacular's own pages; the apps' views bring everything they need.
REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
SPECTACULAR_SETTINGS = {
    "TITLE": "HMS-GOV metrics",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    # `check --deploy` is about the deployment; the schema has its tests.
    "ENABLE_DJANGO_DEPLOY_CHECK": False,
    "SERVE_AUTHENTICATION": [
        "metrics_app.api.authentication.KeyAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    # From this origin: the content security policy allows no other.
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "metrics_app.api.streams_schema.add_streams",
    ],
}

CELERY_BROKER_TRANSPORT_OPTIONS = {
    "global_keyprefix": f"{REDIS_PREFIX}:celery:",
    "socket_connect_timeout": 5,  # seconds; an address that swallows packets would hold a sender for minutes
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TIMEZONE = "UTC"
if WITH_BEAT:
    # Survives a database that is away.
    CELERY_BEAT_SCHEDULER = "hms_gov.beat:PatientScheduler"
else:
    CELERY_BEAT_SCHEDULE = (
        metrics_app.schedule.SCHEDULE | pipelines_app.schedule.SCHEDULE | hms_gov.schedule.SCHEDULE
    )
    CELERY_BEAT_SCHEDULE_FILENAME = str(DATA_DIR / "beat")
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# For ever: after an hour without Redis workers and beat would end.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
# "watch" must never wait behind a slow webhook: separate queues, separate workers.
CELERY_TASK_DEFAULT_QUEUE = "slow"
CELERY_TASK_ROUTES = {
    "metrics_app.tasks.archive_history": {"queue": "slow"},
    "metrics_app.tasks.compact_history": {"queue": "slow"},
    "metrics_app.tasks.send_notices": {"queue": "slow"},
    "metrics_app.tasks.prune_notices": {"queue": "slow"},
    "metrics_app.tasks.*": {"queue": "watch"},
    "pipelines_app.tasks.*": {"queue": "slow"},
}

# Without a mail server mails become files, so that one can look at them.
EMAIL_URL = env.str("EMAIL_URL", default="") or f"filemail:///{DATA_DIR / 'mail'}"
vars().update(env.email_url_config(EMAIL_URL))
EMAIL_TIMEOUT = 10  # seconds; a server that does not answer must not hold up other notices
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="") or "HMS-GOV metrics <metrics@localhost>"

# /demo/complaints/, the form of the worked example: whoever is logged in files points with it.
COMPLAINTS_DEMO = env.bool("COMPLAINTS_DEMO", default=False)

METRICS_APP = {
    "REDIS_URL": REDIS_URL,
    "REDIS_PREFIX": REDIS_PREFIX,
    "SITE_URL": env.str("SITE_URL", default=""),
    "MINUTES_DAYS": env.int("MINUTES_DAYS", default=400),
    "WEBHOOKS": read_object("NOTICE_WEBHOOKS", env.str("NOTICE_WEBHOOKS", default="")),
    "WEBHOOK_NETWORKS": env.list("WEBHOOK_NETWORKS", default=[]),
}
# How the two apps meet is what ``hms_gov.joins`` brings; here stands what is to be otherwise.
PIPELINES_APP = {
    "SITE_URL": env.str("SITE_URL", default=""),
    # What an approval can carry out; which tasks and recipients, a deployment says. Without any: by hand.
    "ACTIONS": {
        "webhook": "hms_gov.joins.actions.webhook.call_webhook",
        "threshold": "hms_gov.joins.actions.threshold.change_threshold",
        "mail": "pipelines_app.actions.mail.send_mail",
        "task": "pipelines_app.actions.celery_task.send_task",
    },
    # Clearing old cases makes the mean of the answered worse first: what is open tells whether it helps.
    "GUARDRAILS": {"complaint.*": ["complaint.open", "complaint.oldest_age"]},
    # Its own figures as points: docs/deciding.md#how-well-people-decide.
    "EMIT": "hms_gov.joins.figures.emit" if env.bool("PIPELINE_FIGURES", default=False) else "",
    "ACTION_TASKS": env.list("ACTION_TASKS", default=[]),
    "ACTION_RECIPIENTS": env.list("ACTION_RECIPIENTS", default=[]),
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    # One line when a server goes, one when it is back; one of a request that was refused.
    "filters": {
        "outages": {"()": "metrics_app.outages.OutageFilter"},
        "refusals": {"()": "hms_gov.refusals.RefusalFilter"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["outages", "refusals"],
        },
    },
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="WARNING")},
}
