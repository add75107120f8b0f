"""What happens before anything is served. Each step returns what to say about it, and raises ServeError in trouble."""

import os
import secrets
from pathlib import Path
from typing import Final

import redis
from django.conf import settings
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from redis.backoff import NoBackoff
from redis.retry import Retry

from accounts.access import issue_access_key
from accounts.keys import hash_key
from accounts.models import AccessKey, Pool
from nubabel import valkey
from nubabel.errors import ServeError

ADMIN: Final = "admin"
KEY_FILE: Final = "access-key"
_READABLE: Final = "abcdefghjkmnpqrstuvwxyz23456789"
"""Nothing that looks like something else; 20 of them are 99 bits."""
_KEY_NAME: Final = "made by serve for this machine"


def store() -> str:
    """The embedded Valkey runs, or the one at REDIS_URL answers."""
    if settings.EMBEDDED_VALKEY:
        running = valkey.ensure(settings.DATA_DIR)
        return f"embedded, process {running.pid}" + ("" if running.started else " (was running)")
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=3.0, retry=Retry(NoBackoff(), 0))
    try:
        with client:
            client.ping()
    except redis.RedisError as error:
        raise ServeError(
            f"REDIS_URL does not answer ({type(error).__name__}). Start that server, or unset it."
        ) from None
    return "at REDIS_URL"


def database() -> str:
    """The schema is as new as the code."""
    try:
        executor = MigrationExecutor(connection)
        plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
        if plan:
            call_command("migrate", interactive=False, verbosity=0)
    except DatabaseError as error:
        raise ServeError(_database_trouble(error)) from None
    kind = "SQLite" if connection.vendor == "sqlite" else "PostgreSQL"
    return f"{kind}, " + (f"{len(plan)} migrations applied" if plan else "up to date")


def admin_user() -> tuple[str, str]:
    """Name and new password of the administrator; the password is empty if there is one already."""
    existing = User.objects.filter(is_superuser=True, is_active=True).order_by("pk").first()
    if existing:
        return existing.get_username(), ""
    password = "-".join("".join(secrets.choice(_READABLE) for _ in range(5)) for _ in range(4))
    User.objects.create_superuser(ADMIN, "", password)
    return ADMIN, password


def access_key(pool: Pool) -> Path:
    """A file with an access key to this pool, for the printed example; owner-only like .env, which opens more."""
    path: Path = settings.DATA_DIR / KEY_FILE
    kept = path.read_text().strip() if path.exists() else ""
    if kept and AccessKey.objects.filter(sha256=hash_key(kept), revoked_at=None, pool=pool).exists():
        return path
    plain, _record = issue_access_key(name=_KEY_NAME, scopes=["messages"], pool=pool)
    path.unlink(missing_ok=True)
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(plain + "\n")
    return path


def _database_trouble(error: DatabaseError) -> str:
    where = "DATA_DIR" if connection.vendor == "sqlite" else "DATABASE_URL"
    first = str(error).splitlines()[0] if connection.vendor == "sqlite" and str(error) else type(error).__name__
    return f"The database cannot be used ({first}). Check {where} and that the server runs, then start again."
