"""Django settings, all derived from `config.environment`."""

from __future__ import annotations

import atexit
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import environ
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from config.environment import BASE_DIR, read_environment
from config.logs import logging_config

ENVIRONMENT = read_environment()

VERSION = "0.1.0"
DEBUG = ENVIRONMENT.debug
SECRET_KEY = ENVIRONMENT.secret_key
ALLOWED_HOSTS = ENVIRONMENT.allowed_hosts
PUBLIC_ORIGIN = ENVIRONMENT.public_origin
CSRF_TRUSTED_ORIGINS = [PUBLIC_ORIGIN]
# Read in config.asgi. Not SECURE_PROXY_SSL_HEADER: that would believe the header from everybody.
TRUSTED_PROXIES = ENVIRONMENT.trusted_proxies
DATA_DIR = ENVIRONMENT.data_dir


def _state_dir() -> Path:
    """Return where database, journal and uploads live: an ephemeral server must not touch those of a lasting one."""
    if ENVIRONMENT.persistence_enabled:
        return DATA_DIR
    folder = Path(tempfile.mkdtemp(prefix="pavilion-ephemeral-"))
    # For commands. A server ends by its signal and cleans up itself, in config.lifespan.
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


STATE_DIR = _state_dir()
SPOOL_DIR = STATE_DIR / "spool"
NODE_NAME = ENVIRONMENT.node_name

RATE_LIMITS_ENABLED = ENVIRONMENT.rate_limits_enabled
WS_ALLOW_MISSING_ORIGIN = ENVIRONMENT.ws_allow_missing_origin
WS_CONNECTIONS_PER_USER = ENVIRONMENT.ws_connections_per_user
SPOOL_MAX_BYTES = ENVIRONMENT.spool_max_bytes
METRICS_TOKEN = ENVIRONMENT.metrics_token
PLACES_BASE_URL = ENVIRONMENT.places_base_url
PLACES_API_KEY = ENVIRONMENT.places_api_key
PLACES_DAILY_QUOTA = ENVIRONMENT.places_daily_quota

INSTALLED_APPS = [
    "realtime",
    "operations",
    "accounts",
    "chat",
    "builders",
    "config",
    "channels",
    "ninja",
    "csp",
    # In front of Django's app for static files, whose development server it completes.
    "servestatic",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "accounts.apps.StaffAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django_countries",
    "django.contrib.messages",
    "django.contrib.staticfiles",
]

# Every entry must be async-capable: one that is sync-only makes the whole chain hop threads (checked in config.checks).
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "config.middleware.api_problems",
    "config.middleware.keep_out_banned",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]

ROOT_URLCONF = "config.urls"
ASGI_APPLICATION = "config.asgi.application"

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
                "csp.context_processors.nonce",
            ],
        },
    },
]


def _database() -> dict[str, Any]:
    url = ENVIRONMENT.database_url
    if url and not ENVIRONMENT.persistence_enabled:
        raise ImproperlyConfigured("PERSISTENCE_ENABLED=false and DATABASE_URL exclude each other.")
    settings: dict[str, Any] = environ.Env.db_url_config(url or f"sqlite:///{STATE_DIR / 'pavilion.sqlite3'}")
    if "sqlite" in settings["ENGINE"]:
        settings["OPTIONS"] = {
            # A deferred transaction that turns into a writer fails at once under load; an immediate one queues.
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            # FULL: an acknowledged message must survive a power cut, and WAL with NORMAL may lose the last commits.
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA cache_size=-32000; "
            "PRAGMA temp_store=MEMORY; PRAGMA mmap_size=268435456; PRAGMA wal_autocheckpoint=4000;",
        }
        settings["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
    else:
        settings["OPTIONS"] = {
            **settings.get("OPTIONS", {}),
            "connect_timeout": 3,
            # The pool hands a request a live connection or an error within 5 s, never a wait without end.
            "pool": {"min_size": 2, "max_size": ENVIRONMENT.database_pool_size, "timeout": 5},
        }
    # Under ASGI a persistent connection per thread leaks: the pool, or SQLite's cheap open, does the job instead.
    settings["CONN_MAX_AGE"] = 0
    return settings


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

if ENVIRONMENT.redis_url:
    CHANNEL_LAYERS: dict[str, Any] = {
        "default": {
            "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
            # socket_timeout None: with a time-out every idle subscriber would be cut off.
            "CONFIG": {"hosts": [{"address": ENVIRONMENT.redis_url, "socket_timeout": None}], "prefix": "pavilion"},
        }
    }
    CACHES: dict[str, Any] = {
        "default": {
            "BACKEND": "operations.cache.SharedCache",
            "LOCATION": ENVIRONMENT.redis_url,
            "OPTIONS": {"socket_timeout": 0.5, "socket_connect_timeout": 0.5},
        }
    }
else:
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
REDIS_URL = ENVIRONMENT.redis_url

# Where the jobs of all apps are put together.
SCHEDULED_JOBS = "config.jobs.JOBS"

AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"

# Accounts: django-allauth
STAFF_MFA_REQUIRED = ENVIRONMENT.staff_mfa_required
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_FORMS = {"signup": "accounts.forms.SignUpForm"}
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
# Without a mail server nobody could verify anything; with one, an address that exists is not given away either.
ACCOUNT_EMAIL_VERIFICATION = "mandatory" if ENVIRONMENT.email_url else "optional"
ACCOUNT_EMAIL_NOTIFICATIONS = bool(ENVIRONMENT.email_url)
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if ENVIRONMENT.is_secure else "http"
ACCOUNT_MAX_EMAIL_ADDRESSES = 3
ACCOUNT_REAUTHENTICATION_REQUIRED = True
ACCOUNT_SESSION_REMEMBER = True
# A whole festival may stand behind one address: its limits are wide, and those on one account are narrow.
ACCOUNT_RATE_LIMITS: Any = {"signup": "120/m/ip", "login": "240/m/ip", "login_failed": "60/m/ip,5/5m/key"}
if not RATE_LIMITS_ENABLED:
    ACCOUNT_RATE_LIMITS = False
MFA_ADAPTER = "accounts.second_factor.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Pavilion"
# One step of 30 s either way: phones on a festival ground are rarely on time.
MFA_TOTP_TOLERANCE = 1
MFA_ALLOW_UNVERIFIED_EMAIL = not ENVIRONMENT.email_url
# End of accounts: django-allauth

# Sessions live in the database alone: losing Redis must never log anybody out.
SESSION_ENGINE = "accounts.sessions"
SESSION_COOKIE_AGE = 60 * 60 * 24 * 30
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = ENVIRONMENT.is_secure
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"

CONTENT_SECURITY_POLICY = {
    # The API's documentation page brings an inline start script of its own.
    "EXCLUDE_URL_PREFIXES": ["/api/docs"],
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, NONCE],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}

# ISO 3166 leaves this code to its users, and everybody uses it for one country.
COUNTRIES_OVERRIDE = {"XK": "Kosovo"}

STATIC_URL = "/static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "servestatic.storage.CompressedManifestStaticFilesStorage"},
}
MEDIA_ROOT = STATE_DIR / "media"
# Of what lies there, only pictures of portfolios are served: see builders.views.media.
MEDIA_URL = "/media/"
SERVESTATIC_AUTOREFRESH = DEBUG

LANGUAGE_CODE = "en"
TIME_ZONE = ENVIRONMENT.time_zone
USE_TZ = True
USE_I18N = True

DEFAULT_FROM_EMAIL = ENVIRONMENT.default_from_email
if ENVIRONMENT.email_url:
    vars().update(environ.Env.email_url_config(ENVIRONMENT.email_url))
else:
    EMAIL_BACKEND = "django.core.mail.backends.console.EmailBackend"

LOGGING = logging_config(ENVIRONMENT.log_level, readable=DEBUG or sys.stderr.isatty())

NINJA_PAGINATION_PER_PAGE = 50
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
