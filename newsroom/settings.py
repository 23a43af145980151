"""The one settings file. Every value that differs between machines is read from the environment.

The README's table lists each variable; a test compares the two. Production is the default, so that a forgotten variable
is a refused start (see `newsroom/checks.py`) and not an open door.
"""

import os
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from csp.constants import NONE, SELF
from django.conf.locale import LANG_INFO
from django.core.exceptions import ImproperlyConfigured
from django.utils.translation import gettext_lazy as _
from django_prose_editor.config import html_tags
from js_asset import static_lazy
from kombu import Queue
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict

from newsroom.providers import provider_of

BASE_DIR = Path(__file__).resolve().parent.parent


def env(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def env_flag(name: str, *, default: bool = False) -> bool:
    return env(name, "1" if default else "0").lower() in {"1", "true", "yes", "on"}


def env_list(name: str, default: str = "") -> list[str]:
    return env(name, default).replace(",", " ").split()


def env_number(name: str, default: int) -> int:
    text = env(name) or str(default)
    if not text.isdecimal():
        raise ImproperlyConfigured(f"{name} is {text!r}; it must be a whole number.")
    return int(text)


def env_keys(name: str) -> dict[str, str]:
    """Read `k2:<hex>,k1:<hex>` as key id → secret; the first is the current key, the others only verify."""
    return dict(part.split(":", 1) for part in env_list(name) if ":" in part)


# The machine

ENVIRONMENT = env("ENVIRONMENT", "production")
# Whatever is not plainly a development machine is held to what production demands.
IS_PRODUCTION = ENVIRONMENT != "development"
DEBUG = env_flag("DEBUG")
SECRET_KEY = env("SECRET_KEY") or ("" if IS_PRODUCTION else "development-only")
# Keys that still verify what was signed before the key was changed.
SECRET_KEY_FALLBACKS = env_list("SECRET_KEY_FALLBACKS")
SITE_URL = env("SITE_URL", "http://localhost:8000").rstrip("/")
SITE_HOST = urlsplit(SITE_URL).hostname or ""
# The same site as an onion service: it needs no HTTPS, and Tor Browser offers to go there.
ONION_URL = env("ONION_URL").rstrip("/")
ONION_HOST = urlsplit(ONION_URL).hostname or ""
ALLOWED_HOSTS = [SITE_HOST, *env_list("EXTRA_HOSTS"), *([ONION_HOST] if ONION_HOST else [])]
# A site on a bare loopback address is reached by any of its names.
if SITE_HOST in {"localhost", "127.0.0.1"}:
    ALLOWED_HOSTS += ["localhost", "127.0.0.1"]
TRUSTED_PROXIES = env_number("TRUSTED_PROXIES", 0)
# A file with one network a line, such as Tor's exits, whose readers have nothing to do with one another.
SHARED_NETWORKS_FILE = env("SHARED_NETWORKS_FILE")

# The packages

INSTALLED_APPS = [
    "newsroom.apps.NewsroomConfig",
    "newsroom.apps.StaffConfig",
    "subscriptions.apps.SubscriptionsConfig",
    "donations.apps.DonationsConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "django.contrib.sitemaps",
    "django_prose_editor",
    "js_asset",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
]

MIDDLEWARE = [
    "newsroom.onion.OnionMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "newsroom.onion.OnionLocationMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "newsroom.middleware.SafetyHeadersMiddleware",
    "newsroom.middleware.PlainAddressMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "newsroom.middleware.StaffLanguageMiddleware",
    "newsroom.staff_access.StaffAccessMiddleware",
    "newsroom.middleware.StaffTimeZoneMiddleware",
]

# Public pages are kept as bytes. `0` shows every change of a template at once, as one wants while designing.
PAGE_CACHE = env_flag("PAGE_CACHE", default=not DEBUG)
if PAGE_CACHE:
    MIDDLEWARE.insert(0, "newsroom.page_cache.PageCacheMiddleware")
# Before everything: who asks whether the site lives knows neither its host name nor HTTPS.
MIDDLEWARE.insert(0, "newsroom.probes.ProbesMiddleware")

ROOT_URLCONF = "newsroom.urls"
WSGI_APPLICATION = "newsroom.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                # Both are lazy: a public page that never asks for them reads no session.
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "newsroom.outlet.outlet_context",
            ],
        },
    },
]

# PostgreSQL holds the truth.


def database(name: str, url: str) -> dict[str, Any]:
    """Read `postgresql://user:password@host:port/name?option=…`, the value of the variable `name`."""
    try:
        parts = conninfo_to_dict(url) if url else {}
    except ProgrammingError:
        # The error itself would show the password.
        raise ImproperlyConfigured(f"{name} is no address of a PostgreSQL database.") from None
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": parts.pop("dbname", "newsroom"),
        "HOST": parts.pop("host", ""),
        "PORT": str(parts.pop("port", "")),
        "USER": parts.pop("user", ""),
        "PASSWORD": parts.pop("password", ""),
        "CONN_MAX_AGE": 60,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": parts,
    }


DATABASE_URL = env("DATABASE_URL")
# The role that owns the tables. Only who migrates or prunes the ledger needs to know it.
DATABASE_OWNER_URL = env("DATABASE_OWNER_URL")
DATABASES = {"default": database("DATABASE_URL", DATABASE_URL)}
if DATABASE_OWNER_URL:
    DATABASES["owner"] = database("DATABASE_OWNER_URL", DATABASE_OWNER_URL) | {"TEST": {"MIRROR": "default"}}

# Redis may vanish at any moment. The broker must not evict (`noeviction`); the cache may (`allkeys-lru`).

REDIS_URL = env("REDIS_URL", "redis://localhost:6379/0")
CACHE_URL = env("CACHE_URL") or REDIS_URL
REDIS_TIMEOUT_SECONDS = 1.0


def celery_broker_url(url: str) -> str:
    """Translate redis-py's `unix:///path?db=0` into Celery's `redis+socket:///path?virtual_host=0`."""
    parts = urlsplit(url)
    if parts.scheme != "unix":
        return url
    database = parse_qs(parts.query).get("db", ["0"])[0]
    return f"redis+socket://{parts.path}?virtual_host={database}"


CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": CACHE_URL,
        "KEY_PREFIX": "newsroom",
        "OPTIONS": {"socket_timeout": REDIS_TIMEOUT_SECONDS, "socket_connect_timeout": REDIS_TIMEOUT_SECONDS},
    }
}

CELERY_BROKER_URL = celery_broker_url(REDIS_URL)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_CONNECTION_TIMEOUT = REDIS_TIMEOUT_SECONDS
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 3600,
    "queue_order_strategy": "priority",
    # Who stands at a page does not wait for a broker that is away: one try, and the sweep does the rest.
    "max_retries": 0,
    "socket_timeout": 5.0,
    "socket_connect_timeout": REDIS_TIMEOUT_SECONDS,
}
CELERY_TASK_DEFAULT_QUEUE = env("CELERY_QUEUE", "newsroom")
# A confirmation mail does not wait behind twenty pictures or an issue to a million: what takes long has its own queue,
# and a worker that is free looks into it last (`queue_order_strategy`).
CELERY_SLOW_QUEUE = f"{CELERY_TASK_DEFAULT_QUEUE}-slow"
CELERY_TASK_QUEUES = [Queue(CELERY_TASK_DEFAULT_QUEUE), Queue(CELERY_SLOW_QUEUE)]
CELERY_TASK_ROUTES = {
    "donations.tasks.nightly": {"queue": CELERY_SLOW_QUEUE},
    "donations.tasks.yearly": {"queue": CELERY_SLOW_QUEUE},
    "newsroom.tasks.prepare_figures": {"queue": CELERY_SLOW_QUEUE},
    "newsroom.tasks.render_image": {"queue": CELERY_SLOW_QUEUE},
    "subscriptions.tasks.send_issue": {"queue": CELERY_SLOW_QUEUE},
    "subscriptions.tasks.work_on_import": {"queue": CELERY_SLOW_QUEUE},
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_PUBLISH_RETRY = False
CELERY_TASK_TIME_LIMIT = 300
CELERY_TASK_SOFT_TIME_LIMIT = 240
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = False
CELERY_TIMEZONE = "UTC"
# Nothing is scheduled by ETA or crontab day: the tick asks the database what is due. A tick that waited longer
# than a minute behind others is dropped, because the next one asks the same question.
CELERY_BEAT_SCHEDULE = {
    f"{package}.tick": {"task": f"{package}.tasks.tick", "schedule": 60.0, "options": {"expires": 55}}
    for package in ("newsroom", "subscriptions", "donations")
}

# Mail

EMAIL_URL = env("EMAIL_URL")
_mail = urlsplit(EMAIL_URL)
EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
EMAIL_HOST = _mail.hostname or "localhost"
EMAIL_PORT = _mail.port or {"smtps": 465, "smtp+starttls": 587}.get(_mail.scheme, 25)
EMAIL_HOST_USER = unquote(_mail.username or "")
EMAIL_HOST_PASSWORD = unquote(_mail.password or "")
EMAIL_USE_SSL = _mail.scheme == "smtps"
EMAIL_USE_TLS = _mail.scheme == "smtp+starttls"
EMAIL_TIMEOUT = 20
# Where the scheme names a provider, mail goes through its HTTP interface instead of SMTP.
MAIL_PROVIDER = provider_of(_mail)
MAIL_WEBHOOK_SECRET = env("MAIL_WEBHOOK_SECRET")
ANYMAIL = {"WEBHOOK_SECRET": MAIL_WEBHOOK_SECRET} if MAIL_WEBHOOK_SECRET else {}
if MAIL_PROVIDER is not None:
    EMAIL_BACKEND = MAIL_PROVIDER.backend
    ANYMAIL |= MAIL_PROVIDER.settings_from(_mail)
ALLOW_PROVIDER_TRACKING = env_flag("ALLOW_PROVIDER_TRACKING")
# Reports of mail that could not be delivered: the address they are sent to, and the mailbox they are read from.
BOUNCE_ADDRESS = env("BOUNCE_ADDRESS")
BOUNCES_URL = env("BOUNCES_URL")
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", f"Newsroom <post@{SITE_HOST or 'localhost'}>")
SERVER_EMAIL = DEFAULT_FROM_EMAIL

# How many workers may share one issue, and how many connections each keeps open to the mail server.
SENDING_WORKERS = env_number("SENDING_WORKERS", 2)
SENDING_CONNECTIONS = env_number("SENDING_CONNECTIONS", 8)

# Keys, each with an id, so that each can be rotated alone

UNSUBSCRIBE_KEYS = env_keys("UNSUBSCRIBE_KEYS")
SUPPRESSION_KEYS = env_keys("SUPPRESSION_KEYS")
CONSENT_KEYS = env_keys("CONSENT_KEYS")
SECOND_FACTOR_KEYS = env_keys("SECOND_FACTOR_KEYS")
# Where the ledger's end is written every day: a mail address, or a file that the application can only add to.
CONSENT_ANCHOR = env("CONSENT_ANCHOR")

# Backups, and the small list outside them that says who left since

# The folder of pg_dump, pg_restore and psql, where they are not on the PATH.
POSTGRES_PROGRAMS = env("POSTGRES_PROGRAMS")
# Public keys of age. Who holds the private ones need not be this machine, and should not.
BACKUP_RECIPIENTS = env_list("BACKUP_RECIPIENTS")
BACKUP_KEEP = env_number("BACKUP_KEEP", 14)
# A file on other storage, or an https:// address that adds what is posted to it and gives it back.
OFFSITE_LIST = env("OFFSITE_LIST")

# Stripe

STRIPE_SECRET_KEY = env("STRIPE_SECRET_KEY")
STRIPE_WEBHOOK_SECRET = env("STRIPE_WEBHOOK_SECRET")
STRIPE_API_BASE = env("STRIPE_API_BASE")
STRIPE_LIVE = env_flag("STRIPE_LIVE")
STRIPE_PAGE_ORIGINS = env_list("STRIPE_PAGE_ORIGINS", "https://checkout.stripe.com https://billing.stripe.com")

# Pages

USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
# The languages of pages, mails and staff. One without a catalogue under `locale/` is English around its articles.
LANGUAGES = [(code, _(LANG_INFO.get(code, {}).get("name", code))) for code in env_list("LANGUAGES", "en ru")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["newsroom.formats"]

STATIC_URL = "/static/"
STATIC_ROOT = Path(env("STATIC_ROOT") or BASE_DIR / ".static")
STATICFILES_DIRS = [BASE_DIR / "static"]
MEDIA_URL = "/media/"
MEDIA_ROOT = Path(env("MEDIA_ROOT") or BASE_DIR / ".media")
SERVE_MEDIA = env_flag("SERVE_MEDIA")
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
# The test run and `DEBUG=1` have no collected files; a manifest would refuse every page there.
if not (STATIC_ROOT / "staticfiles.json").exists():
    STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    WHITENOISE_USE_FINDERS = True
    WHITENOISE_AUTOREFRESH = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 500
FILE_UPLOAD_MAX_MEMORY_SIZE = 4 * 1024 * 1024
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"
INSTALLED_APPS.append("django.forms")

# A page that anyone may read carries no script, no cookie and no foreign request. `form-action` names Stripe's pages,
# because a browser applies it to the redirect that answers our own form too. `connect-src` lets a browser's own tools
# ask for robots.txt in the page's name; without a script, a page itself connects to nothing.

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [SELF],
        "connect-src": [SELF],
        "frame-src": [SELF],
        "form-action": [SELF, *STRIPE_PAGE_ORIGINS],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
    }
}
STAFF_CONTENT_SECURITY_POLICY = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF],
    "img-src": [SELF, "data:"],
    "font-src": [SELF],
    "connect-src": [SELF],
    "frame-src": [SELF],
    "form-action": [SELF],
    "frame-ancestors": [SELF],
    "base-uri": [NONE],
}

# The editor of articles, with what this paper adds to it in static/prose-extensions.js

DJANGO_PROSE_EDITOR_EXTENSIONS = [
    {
        "js": [static_lazy("prose-extensions.js")],
        "extensions": {
            "Picture": html_tags(["figure", "figcaption"], {"figure": ["data-image"]}),
            "FootNote": html_tags(["foot-note"]),
            "TidyPaste": html_tags([]),
        },
    }
]

# Staff

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
# A passkey, or a code beside the password, for every account of the staff. Only a development machine goes without.
STAFF_SECOND_FACTOR = env_flag("STAFF_SECOND_FACTOR", default=IS_PRODUCTION)
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "admin:index"
ACCOUNT_ADAPTER = "newsroom.staff_account.StaffAccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_SESSION_REMEMBER = True
# The product's own limits stand before each page (newsroom/staff_urls.py): they hold without Redis and keep no network.
ACCOUNT_RATE_LIMITS = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 15 * 60
MFA_ADAPTER = "newsroom.staff_account.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
# Codes are read once, when they are made.
MFA_RECOVERY_CODES_SHOW_ONCE = True
# Browsers give a passkey to http://localhost too; nothing else may ask for one without HTTPS.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not IS_PRODUCTION
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_PATH = "/admin/"
SESSION_COOKIE_SAMESITE = "Lax"
# What language the staff's pages speak. Readers get no cookie.
LANGUAGE_COOKIE_NAME = "staff-language"
LANGUAGE_COOKIE_PATH = "/admin/"
LANGUAGE_COOKIE_AGE = 365 * 24 * 3600
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# HTTPS, wherever the site's own address says so

USES_HTTPS = SITE_URL.startswith("https://")
SESSION_COOKIE_SECURE = USES_HTTPS
CSRF_COOKIE_SECURE = USES_HTTPS
LANGUAGE_COOKIE_SECURE = USES_HTTPS
SECURE_SSL_REDIRECT = USES_HTTPS
SECURE_HSTS_SECONDS = 63_072_000 if USES_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
if TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"

# Running: who may read the figures, who is told of alarms, and where to. See docs/operations.md.

METRICS_TOKEN = env("METRICS_TOKEN")
ALARM_ADDRESS = env("ALARM_ADDRESS")
ALARM_URL = env("ALARM_URL")
DEAD_MAN_URL = env("DEAD_MAN_URL")
ALARM_QUIET_HOURS = env_number("ALARM_QUIET_HOURS", 24)
ALARM_BACKUP_HOURS = env_number("ALARM_BACKUP_HOURS", 26)
ALARM_DISK_PERCENT = env_number("ALARM_DISK_PERCENT", 10)
ALARM_CERTIFICATE_DAYS = env_number("ALARM_CERTIFICATE_DAYS", 14)

# Logs name rows by id; no line holds an address, a token or an IP.

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"()": "newsroom.log_lines.Line", "format": "%(levelname)s %(name)s %(message)s"}},
    "filters": {"without_address": {"()": "newsroom.log_lines.WithoutAddress"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", "INFO")},
    "loggers": {
        "django.request": {"level": "ERROR", "filters": ["without_address"]},
        # A line per task received and done would bury what matters: the rows tell what was done.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.worker.consumer": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}
