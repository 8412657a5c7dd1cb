"""Every setting of PassFlow in one file; what an operator may change is read from the environment."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from csp.constants import NONE, SELF
from django.core.management.utils import get_random_secret_key
from environs import Env
from kombu import Queue

from passflow.local_secrets import local_secret
from passflow.mail_server import mail_settings
from passflow.rates import RATES
from passflow.schedule import LOOK_UPS
from redemption.styles import PAGE_SOURCE as PAGE_STYLE

env = Env()

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = env.path("PASSFLOW_VAR_DIR", BASE_DIR / "var").absolute()
VAR_DIR.mkdir(parents=True, exist_ok=True)

# --- Who we are -------------------------------------------------------------------------------------

DEBUG = env.bool("PASSFLOW_DEBUG", False)
BASE_URL = env.str("PASSFLOW_BASE_URL", f"http://127.0.0.1:{env.int('PORT', 8000)}").rstrip("/")
TRUSTED_PROXIES = env.int("PASSFLOW_TRUSTED_PROXIES", 0)
ALLOWED_HOSTS = [host for host in {urlsplit(BASE_URL).hostname, "127.0.0.1", "localhost", "[::1]"} if host]
CSRF_TRUSTED_ORIGINS = [BASE_URL]

SECRET_KEY = env.str("SECRET_KEY", "") or local_secret(VAR_DIR / "secret_key", mint=get_random_secret_key)
FIELD_KEYS = env.list("PASSFLOW_FIELD_KEYS", []) or [
    local_secret(VAR_DIR / "field_key", mint=lambda: Fernet.generate_key().decode())
]
# What this machine made for itself, and no other host would know.
LOCAL_SECRETS = [name for name in ("SECRET_KEY", "PASSFLOW_FIELD_KEYS") if not env.str(name, "")]

# --- Where the truth lives --------------------------------------------------------------------------

DATABASES = {
    "default": env.dj_db_url("DATABASE_URL", f"sqlite:///{VAR_DIR}/passflow.sqlite3", conn_max_age=None),
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # IMMEDIATE takes the one write lock when a transaction begins: a read that becomes a write cannot fail.
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        "init_command": "PRAGMA journal_mode=WAL;",
    }
else:
    DATABASES["default"]["ENGINE"] = "passflow.postgresql"
    DATABASES["default"]["OPTIONS"] = {
        "server_side_binding": True,
        "prepare_threshold": 2,
        # Seconds: a server that does not answer must not keep every request waiting for minutes.
        "connect_timeout": 5,
    }
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- The doorbell -----------------------------------------------------------------------------------

REDIS_URL = env.str("REDIS_URL", "")
# Without Redis the same tasks run in a thread of the web process.
EMBEDDED = not REDIS_URL

CELERY_BROKER_URL = REDIS_URL or "memory://"
# A doorbell must never hold up the request that rings it.
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_connect_timeout": 1, "socket_timeout": 2, "max_retries": 0}
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# For ever: a worker that gave up would not be there when the broker is back.
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Receivers that hang must hold up neither pushes nor mails: see `make worker`. One that is started without
# the name of a queue takes from both.
CELERY_TASK_QUEUES = [Queue(name, routing_key=name) for name in ("celery", "webhooks")]
CELERY_TASK_ROUTES = {"webhooks.tasks.deliver_due": {"queue": "webhooks"}}
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE_FILENAME = str(VAR_DIR / "celerybeat-schedule")
# `expires` keeps a worker that was away from finding hours of rings in its queue.
CELERY_BEAT_SCHEDULE = {
    task: {"task": task, "schedule": float(seconds), "options": {"expires": seconds}}
    for task, seconds in LOOK_UPS.items()
}

# Called inside the transaction of every event, in this order, with a list of the events.
EVENT_RECORDERS = [
    "redemption.refresh.mark_changed",
    "redemption.suspicion.watch_removals",
    "webhooks.outbox.write_deliveries",
]
# Called inside the transaction that voids wallet passes, with a list of them.
VOID_RECORDERS = ["redemption.refresh.mark_voided"]
# Celery tasks that are rung, without arguments, after that transaction has committed.
EVENT_CONSUMERS = ["redemption.tasks.push_due", "webhooks.tasks.deliver_due"]

# --- The house --------------------------------------------------------------------------------------

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "credentials",
    "redemption",
    "webhooks",
    "passflow",
]

MIDDLEWARE = [
    "passflow.request_id.RequestIdMiddleware",
    "passflow.health.HealthMiddleware",
    "credentials.api.edge.ApiEdge",
    "redemption.privacy.PrivacyMiddleware",
    "passflow.client_ip.ClientIpMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "redemption.languages.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
]

ROOT_URLCONF = "passflow.urls"
WSGI_APPLICATION = "passflow.wsgi.application"
APPEND_SLASH = True

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

LANGUAGE_CODE = "en"
# What passholders' pages and mails are written in; the admin and the API speak English.
LANGUAGES = [
    ("ar", "Arabic"),
    ("de", "German"),
    ("en", "English"),
    ("es", "Spanish"),
    ("fr", "French"),
    ("it", "Italian"),
    ("ja", "Japanese"),
    ("nl", "Dutch"),
    ("pt", "Portuguese"),
]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["passflow.formats"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
# WhiteNoise warns of a folder that is not there, as long as nothing was collected.
STATIC_ROOT.mkdir(exist_ok=True)
# Apple's and Google's own badges, which only the operator may put there: `apple-de.svg`, `google.svg` …
BADGES_DIR = VAR_DIR / "badges"
BADGES_DIR.mkdir(exist_ok=True)
STATICFILES_DIRS = [BASE_DIR / "templates" / "static", ("badges", BADGES_DIR)]
# Served from the apps' folders as they are, so that `demo` needs no collected copy.
WHITENOISE_USE_FINDERS = True

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]

# --- What a browser may do --------------------------------------------------------------------------

_HTTPS = BASE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0
# Not "no-referrer": with that a browser sends the admin's forms as `Origin: null`, which CSRF refuses.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF, PAGE_STYLE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 2_621_440

# --- The API ----------------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["credentials.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["credentials.api.scopes.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["credentials.api.bodies.JsonObjectParser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "credentials.api.pagination.PageHeaders",
    "EXCEPTION_HANDLER": "credentials.api.problems.answer_for",
    "UNAUTHENTICATED_USER": None,
    "URL_FORMAT_OVERRIDE": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "PassFlow",
    "VERSION": "3",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/v3",
    "PREPROCESSING_HOOKS": ["credentials.api.schema.only_one_mount"],
    "POSTPROCESSING_HOOKS": ["credentials.api.schema.describe_the_rest"],
    "PATH_CONVERTER_OVERRIDES": {
        "row_id": {"type": "integer", "minimum": 1, "maximum": 2**63 - 1},
        "public_id": {"type": "string", "pattern": "^[0-9A-Za-z]{1,24}$"},
    },
}

# --- Limits -----------------------------------------------------------------------------------------

RATE_LIMITS_ON = env.bool("PASSFLOW_RATE_LIMITS", True)
RATE_LIMITS = RATES

_MOST_COUNTERS = {"MAX_ENTRIES": 100_000}
CACHES = {
    "default": {
        "BACKEND": "passflow.cache.FailOverCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "passflow",
        "OPTIONS": _MOST_COUNTERS,
    }
    if REDIS_URL
    else {"BACKEND": "passflow.cache.MemoryCache", "OPTIONS": _MOST_COUNTERS},
}

# --- Apple, Google, webhooks ------------------------------------------------------------------------

APNS_URL = env.str("PASSFLOW_APNS_URL", "https://api.push.apple.com").rstrip("/")
APNS_CA = env.str("PASSFLOW_APNS_CA", "")
GOOGLE_API_URL = env.str("PASSFLOW_GOOGLE_API_URL", "https://walletobjects.googleapis.com/walletobjects/v1")
GOOGLE_ROOT_KEYS_URL = env.str("PASSFLOW_GOOGLE_ROOT_KEYS_URL", "https://pay.google.com/gp/m/issuer/keys")
GOOGLE_SAVE_URL = env.str("PASSFLOW_GOOGLE_SAVE_URL", "https://pay.google.com/gp/v/save/")
WEBHOOK_ALLOWED_NETWORKS: list[str] = env.list("PASSFLOW_WEBHOOK_ALLOWED_NETWORKS", [])
WEBHOOK_ALLOWED_PORTS: list[int] = env.list("PASSFLOW_WEBHOOK_ALLOWED_PORTS", [], subcast=int)
# For so long, deliveries and their attempts are on record; events stay for ever.
WEBHOOK_RETENTION_DAYS = env.int("PASSFLOW_WEBHOOK_RETENTION_DAYS", 90)
# Whoever is served over https sends nothing in clear either.
WEBHOOK_HTTPS_ONLY = _HTTPS

# --- Mail and logs ----------------------------------------------------------------------------------

# EMAIL_HOST and the rest, by Django's names.
vars().update(mail_settings(env.str("EMAIL_URL", "console:"), host=urlsplit(BASE_URL).hostname or ""))
EMAIL_TIMEOUT = 15

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "passflow.logging.JsonLines"}},
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "json"},
    },
    "root": {"handlers": ["stderr"], "level": "INFO"},
    # Django's own handlers would print a second line, and to the admins by mail a whole request.
    "loggers": {
        "django": {"handlers": [], "propagate": True},
        "django.server": {"handlers": [], "propagate": True},
        # It names every URL that it asks for, push tokens included.
        "httpx": {"level": "WARNING"},
    },
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
