"""The product's settings under test: fixed keys, nothing from .env, and stores that belong to this test process.

`REDIS_URL` and `DATABASE_URL` of the caller choose the second flavour of each store. Every xdist worker reads this
file anew, so what the caller said is kept aside before it is replaced.
"""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

CALLERS_REDIS_URL = os.environ.setdefault("NUBABEL_TEST_REDIS_URL", os.environ.get("REDIS_URL", ""))
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "")
RUN = os.environ.setdefault("NUBABEL_TEST_RUN", str(os.getpid()))
SCRATCH = Path(tempfile.gettempdir()) / f"nubabel-tests-{RUN}{WORKER}"
if not SCRATCH.exists():  # a process that a test starts finds it there, shares it, and must not remove it
    SCRATCH.mkdir(mode=0o700)
    atexit.register(shutil.rmtree, SCRATCH, ignore_errors=True)

for name in list(os.environ):
    if name.startswith(("ANTHROPIC_", "SLACK_", "NOTIFY_")):
        del os.environ[name]
os.environ |= {
    "ENV_FILE": os.devnull,
    "DJANGO_ENV": "development",
    "DEBUG": "false",
    "SECRET_KEY": "only for tests, " * 4,
    "ENCRYPTION_KEY": "0123456789abcdef" * 4,
    "ENCRYPTION_KEY_FALLBACKS": "",
    "DATA_DIR": str(SCRATCH),
    "REDIS_URL": "",
    "ALLOWED_HOSTS": "",
    "CSRF_TRUSTED_ORIGINS": "",
    "LOG_LEVEL": "INFO",
    "HOST": "127.0.0.1",
    "PORT": "8000",
    "SIMULATOR_PORT": "9100",
}

from nubabel.settings import *  # noqa: E402, F403
from nubabel.settings import CACHES, DATABASES, REDIS_URL  # noqa: E402
from tests import stores  # noqa: E402

REDIS_URL = stores.redis_url(CALLERS_REDIS_URL, own=REDIS_URL)
CACHES["default"]["LOCATION"] = REDIS_URL
ALLOWED_HOSTS = ["testserver", "localhost", "127.0.0.1"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
DATABASES["default"] |= stores.database_under_test(DATABASES["default"], run=RUN, scratch=SCRATCH)
