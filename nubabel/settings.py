"""Django's settings. Every value that differs between places comes from `nubabel.env`; the rest is decided here."""

from typing import Any, Final

import dj_database_url
from csp.constants import NONCE, NONE, SELF, UNSAFE_INLINE
from django.urls import reverse_lazy

from nubabel import env, valkey_paths
from nubabel.logs import logging_config
from nubabel.navigation import navigation
from quota.alerting.values import CauseKind, StepKind

CONFIG: Final = env.load_or_exit()
BASE_DIR: Final = env.BASE_DIR

# --- who and where ---------------------------------------------------------------------------------------------
DJANGO_ENV = CONFIG.django_env
PRODUCTION = CONFIG.production
DEBUG = CONFIG.debug and not PRODUCTION
HOST = CONFIG.host
PORT = CONFIG.port
DRAIN_SECONDS = CONFIG.drain_seconds
UNREADY_SECONDS = CONFIG.unready_seconds
POOL_PROCESSES = CONFIG.pool_processes
METRICS_TOKEN = CONFIG.metrics_token
DATA_DIR = CONFIG.data_dir
DATA_DIR.mkdir(mode=0o700, parents=True, exist_ok=True)

SECRET_KEY = CONFIG.secret_key
ENCRYPTION_KEY = CONFIG.encryption_key
ENCRYPTION_KEY_FALLBACKS = list(CONFIG.encryption_key_fallbacks)
FERNET_KEYS = [ENCRYPTION_KEY, *ENCRYPTION_KEY_FALLBACKS]  # never SECRET_KEY: the two have different lives

LOCAL_HOSTS: Final = ("127.0.0.1", "localhost", "[::1]")
ALLOWED_HOSTS = list(CONFIG.allowed_hosts) or [*LOCAL_HOSTS, *({HOST} - {"0.0.0.0", "::", *LOCAL_HOSTS})]  # noqa: S104
CSRF_TRUSTED_ORIGINS = list(CONFIG.csrf_trusted_origins)
WEBSOCKET_ORIGINS = [
    *CSRF_TRUSTED_ORIGINS,
    *(f"https://{name}" if PRODUCTION else f"http://{name}:{PORT}" for name in ALLOWED_HOSTS),
]

# --- Anthropic, Slack, the demo --------------------------------------------------------------------------------
ANTHROPIC_API_KEY = CONFIG.anthropic_api_key
ANTHROPIC_ADMIN_API_KEY = CONFIG.anthropic_admin_api_key
ANTHROPIC_BASE_URLS = CONFIG.anthropic_base_urls
ANTHROPIC_PRIVATE_NETWORKS = CONFIG.anthropic_private_networks
DEMO = CONFIG.demo
SIMULATOR_PORT = CONFIG.simulator_port
SIMULATOR_URL = CONFIG.simulator_url
ALLOWED_BASE_URLS: tuple[str, ...] = (*ANTHROPIC_BASE_URLS, *((SIMULATOR_URL,) if not PRODUCTION else ()))

SLACK_BOT_TOKEN = CONFIG.slack_bot_token
SLACK_WEBHOOK_URL = CONFIG.slack_webhook_url
SLACK_ALERT_WEBHOOK_URL = CONFIG.slack_alert_webhook_url
SLACK_ACTIVITY_WEBHOOK_URL = CONFIG.slack_activity_webhook_url
SLACK_ACTIVITY_CHANNEL = CONFIG.slack_activity_channel
SLACK_ALERT_CHANNEL = CONFIG.slack_alert_channel
SLACK_MENTION_USER_ID = CONFIG.slack_mention_user_id
NOTIFY_WEBHOOK_URL = CONFIG.notify_webhook_url
NOTIFY_WEBHOOK_SECRET = CONFIG.notify_webhook_secret

OTEL_EXPORTER_OTLP_ENDPOINT = CONFIG.otel_exporter_otlp_endpoint
OTEL_EXPORTER_OTLP_HEADERS = CONFIG.otel_exporter_otlp_headers
OTEL_SERVICE_NAME = CONFIG.otel_service_name

# --- what runs -------------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "daphne",  # replaces runserver by one that speaks websocket; must come before staticfiles
    "unfold",  # must come before django.contrib.admin
    "unfold.contrib.filters",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "channels",
    "axes",
    "csp",
    "nubabel",
    "accounts",
    "quota",
    "gateway",
    "notifications",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "nubabel.static_files.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "nubabel.acting.SaysWhoActs",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "nubabel.csp.AdminScripts",
    "axes.middleware.AxesMiddleware",  # last, as its documentation asks
]
DEFAULT_EXCEPTION_REPORTER = "nubabel.error_reports.SecretsRedacted"
DEFAULT_EXCEPTION_REPORTER_FILTER = "nubabel.error_reports.SecretsHidden"
ROOT_URLCONF = "nubabel.urls"
ASGI_APPLICATION = "nubabel.asgi.application"
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

# --- where state lives -----------------------------------------------------------------------------------------


def _database() -> dict[str, Any]:
    """SQLite that waits instead of failing, or PostgreSQL over a bounded pool.

    CONN_MAX_AGE stays 0: under ASGI every request has a thread of its own, and kept connections leak (79 of them
    under 16 clients, measured). The pool keeps them instead.
    """
    if not CONFIG.database_url or CONFIG.database_url.startswith("sqlite"):
        url = CONFIG.database_url or f"sqlite:///{DATA_DIR / 'nubabel.sqlite3'}"
        options = {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": "PRAGMA journal_mode=WAL"}
        return {**dj_database_url.parse(url), "OPTIONS": options}
    parsed: dict[str, Any] = {**dj_database_url.parse(CONFIG.database_url, conn_max_age=0)}
    return {**parsed, "OPTIONS": {**parsed.get("OPTIONS", {}), "pool": {"min_size": 1, "max_size": 8, "timeout": 5}}}


DATABASES = {"default": _database()}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

EMBEDDED_VALKEY = not CONFIG.redis_url
REDIS_URL = CONFIG.redis_url or valkey_paths.place_in(DATA_DIR).url
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "{nubabel:cache}",  # one hash tag, so that a Redis Cluster keeps all of it together
        "OPTIONS": {
            "REDIS_CLIENT_CLASS": "quota.following.FollowingCacheClient",
            "SOCKET_CONNECT_TIMEOUT": 0.5,
            "SOCKET_TIMEOUT": 0.5,
            "IGNORE_EXCEPTIONS": True,  # the admin site stays up when Redis does not
        },
    },
}
DJANGO_REDIS_LOG_IGNORED_EXCEPTIONS = True
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"

# --- who may -----------------------------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"  # the skin's log-in form forgets where to go next
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25  # hours
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]  # one person's typing must not lock out the others
AXES_RESET_ON_SUCCESS = True
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False  # its pages are not in the admin site's skin; `manage.py axes_reset` unlocks

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_PERMISSION_CLASSES": ["nubabel.api.ByRights"],  # a view that nubabel.rights does not name is closed
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.authentication.AccessKeyAuthentication",
        "accounts.authentication.StaffSessionAuthentication",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["accounts.api.throttling.PerCaller"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["accounts.api.parsers.StrictJson"],
    "DEFAULT_SCHEMA_CLASS": "nubabel.schema.Described",
    "DEFAULT_METADATA_CLASS": None,
    "EXCEPTION_HANDLER": "nubabel.api_errors.answer",
    "URL_FORMAT_OVERRIDE": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Nubabel Claude pool",
    "DESCRIPTION": "Accounts, quota and requests of a pool of Claude accounts. How to use it: docs/api.md.",
    "VERSION": "0.1.0",
    "OAS_VERSION": "3.1.1",
    "SCHEMA_PATH_PREFIX": "/api(/admin)?",
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_NAME_OVERRIDES": {
        "AccessKeyState": ["usable", "expired", "revoked"],
        "AlertKind": list(CauseKind),
        "AlertStepKind": list(StepKind),
    },
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "nubabel.schema.strict_requests"],
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["nubabel.api.ByRights"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "persistAuthorization": False, "validatorUrl": None},
}

# --- the web's dangers -------------------------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF, NONCE],
        "style-src": [SELF, UNSAFE_INLINE],
        "img-src": [SELF, "data:"],
        "font-src": [SELF],
        "connect-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    },
}
X_FRAME_OPTIONS = "DENY"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = False  # the live view reads it to send it back
if PRODUCTION:
    # Behind a proxy uvicorn sets the scheme from X-Forwarded-Proto of the proxies it trusts (FORWARDED_ALLOW_IPS).
    SECURE_SSL_REDIRECT = True
    SECURE_REDIRECT_EXEMPT = [r"^health/"]  # platforms ask over plain http
    SECURE_HSTS_SECONDS = 31_536_000
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = True
    CSRF_COOKIE_SECURE = True

# --- the rest ----------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True  # serves straight from the packages: there is no collectstatic step to forget
WHITENOISE_AUTOREFRESH = DEBUG
WHITENOISE_MAX_AGE = 3600
WHITENOISE_ALLOW_ALL_ORIGINS = False
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
FORMAT_MODULE_PATH = "nubabel.formats"
LOG_FORMAT = CONFIG.logs_as
ACCESS_LOG = CONFIG.access_log
LOGGING = logging_config(CONFIG.log_level, format_=LOG_FORMAT, access=ACCESS_LOG)
UNFOLD = {
    "SITE_TITLE": "Nubabel",
    "SITE_HEADER": "Nubabel",
    "SITE_SUBHEADER": "Claude pool · UTC times",
    "SITE_SYMBOL": "hub",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "/static/nubabel/favicon.svg"}],
    "SITE_URL": None,  # the admin site is the site
    "SHOW_VIEW_ON_SITE": False,
    "SITE_DROPDOWN": [
        {"icon": "monitor_heart", "title": "Live", "link": reverse_lazy("live")},
        {"icon": "integration_instructions", "title": "Set up a client", "link": reverse_lazy("setup")},
    ],
    "ENVIRONMENT": "nubabel.admin_badge.environment",
    "SIDEBAR": {"show_search": True, "show_all_applications": False, "navigation": navigation()},
    "DASHBOARD_CALLBACK": "quota.admin.dashboard.dashboard",
    "STYLES": [lambda _request: "/static/nubabel/admin.css"],
}
