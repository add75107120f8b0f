"""Django's settings (a first sketch; the wiring replaces it)."""

from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
SECRET_KEY = "sketch"  # noqa: S105
DEBUG = False
ALLOWED_HOSTS = ["*"]
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "rest_framework",
    "accounts",
    "quota",
    "gateway",
    "notifications",
]
MIDDLEWARE: list[str] = []
ROOT_URLCONF = "nubabel.urls"
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE_DIR / ".data" / "sketch.sqlite3"}}
USE_TZ = True
TIME_ZONE = "UTC"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
ENCRYPTION_KEY = "00" * 32
ENCRYPTION_KEY_FALLBACKS: list[str] = []
FERNET_KEYS = [ENCRYPTION_KEY]
