"""Which Redis and which database this test process uses, so that runs beside each other never meet."""

import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import redis

from nubabel import valkey
from nubabel.errors import StoreError

_CLAIM = "nubabel:tests:claim:{db}"
_MARK = "nubabel:tests:mark"
_CLAIM_SECONDS = 3600


def redis_url(callers: str, *, own: str) -> str:
    """The private embedded server, or a database of the caller's server that nobody else uses."""
    return _claimed(callers) if callers else own


def release(url: str, *, callers: str) -> None:
    """Give a claimed database back, empty."""
    if not callers:
        return
    with redis.Redis.from_url(url) as client:
        client.flushdb()
    with redis.Redis.from_url(_with_db(callers, 0)) as front:
        front.delete(_CLAIM.format(db=_db_of(url)))


def database_under_test(configured: dict[str, Any], *, run: str, scratch: Path) -> dict[str, Any]:
    """A test database of its own per run; a file for SQLite, because async code uses a second connection."""
    if configured["ENGINE"].endswith("sqlite3"):
        # Durability of a throw-away file is worth nothing, and its syncs cost half of the suite's time.
        init = "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF"
        options = {**configured["OPTIONS"], "init_command": init}
        return {"OPTIONS": options, "TEST": {"NAME": str(scratch / "test.sqlite3")}}
    options = {name: value for name, value in configured["OPTIONS"].items() if name != "pool"}
    return {"OPTIONS": options, "TEST": {"NAME": f"test_nubabel_{run}"}}


def _claimed(callers: str) -> str:
    """Take a database that is empty or was left by an earlier run; never one that holds somebody's data."""
    with redis.Redis.from_url(_with_db(callers, 0)) as front:
        count = int(front.config_get("databases")["databases"])
        for db in range(count - 1, 0, -1):
            if not front.set(_CLAIM.format(db=db), os.getpid(), nx=True, ex=_CLAIM_SECONDS):
                continue
            url = _with_db(callers, db)
            if _is_ours(url):
                return url
            front.delete(_CLAIM.format(db=db))
    raise RuntimeError(f"no free database on {callers}: all are in use; stop other runs or unset REDIS_URL")


def _is_ours(url: str) -> bool:
    with redis.Redis.from_url(url) as client:
        if client.dbsize() and not client.exists(_MARK):
            return False
        client.flushdb()
        client.set(_MARK, "1")
        return True


def _with_db(url: str, db: int) -> str:
    if url.startswith("unix:"):
        return f"{url.partition('?')[0]}?db={db}"
    base = url.partition("?")[0]
    scheme, _, rest = base.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/{db}"


def _db_of(url: str) -> int:
    return int(url.rpartition("=" if url.startswith("unix:") else "/")[2])


def wipe(url: str) -> None:
    """Empty this test process's own database, keeping the mark that says whose it is."""
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        client.set(_MARK, "1")


def address_of(database: Mapping[str, Any]) -> str:
    """A DATABASE_URL of Django's settings_dict, for processes that a test starts."""
    if database["ENGINE"].endswith("sqlite3"):
        return f"sqlite:///{database['NAME']}"
    host = database.get("HOST") or database.get("OPTIONS", {}).get("host", "")
    where = {"user": database["USER"], "password": database["PASSWORD"], "host": host, "port": database["PORT"] or 5432}
    return f"postgresql:///{database['NAME']}?{urlencode({name: value for name, value in where.items() if value})}"


def sweep(scratch: Path) -> None:
    """Stop and remove what test processes left that were killed before they could clean up."""
    for left in scratch.parent.glob("nubabel-tests-*"):
        owner = re.match(r"nubabel-tests-(\d+)", left.name)
        if owner and not valkey.is_alive(int(owner[1])):
            with suppress(OSError, StoreError):  # another run sweeps the same, or they are another user's
                valkey.stop(left)
                shutil.rmtree(left)
