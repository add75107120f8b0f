"""The product itself: uvicorn as `make run` starts it, a database, an embedded Valkey, accounts, an access key."""

import asyncio
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import redis

from benchmarks.gateway.processes import NotStarted, free_port, running
from benchmarks.gateway.servers import OURS, ROOT, Server, environment
from benchmarks.rig import private_server
from nubabel.valkey import Running
from quota.engine.keys import events_key

SETUP_SECONDS: Final = 120.0
SETTLED_SECONDS: Final = 10.0
SETTLED: Final = b"lease.settled"
PAGE: Final = 5_000


@dataclass(frozen=True, slots=True)
class Ours:
    """The web process, and the store it leases from."""

    server: Server
    store: Running
    pool: str

    async def settled(self, *, at_least: int = 0) -> int:
        """How many good answers the worker would have heard of since the last time; all events are dropped then.

        A stream's caller has its last byte a moment before the settlement, and what was leased while the store was too
        slow is settled there a second later: `at_least` so many are waited for.
        """
        until = time.monotonic() + SETTLED_SECONDS
        with redis.Redis.from_url(self.store.url, socket_timeout=30.0) as client:
            key, counted, last = events_key(self.pool), 0, "-"
            while True:
                page = cast("Sequence[tuple[bytes, Mapping[bytes, bytes]]]", client.xrange(key, last, count=PAGE))
                counted += sum(_is_good(fields) for _, fields in page)
                last = f"({page[-1][0].decode()}" if page else last
                if not page and (counted >= at_least or time.monotonic() > until):
                    break
                await asyncio.sleep(0 if page else 0.05)
            client.unlink(key)
        return counted


def _is_good(event: Mapping[bytes, bytes]) -> bool:
    """Whether a call was settled as answered; a lease given back unused is settled, too."""
    return event[b"type"] == SETTLED and event[b"verdict"] == b"success"


@contextmanager
def ours(folder: Path, *, upstream: int) -> Iterator[Ours]:
    """Everything fresh in `folder`. Raises NotStarted."""
    with private_server() as store:
        port = free_port()
        env = _environment(folder, port=port, upstream=upstream, store=store.url)
        made = _made(env)
        with running(made["argv"], port=port, env=env, cwd=ROOT, log=folder / "us.log") as pid:
            server = Server(OURS, port, pid, {"authorization": f"Bearer {made['key']}", **_VERSION}, exact=True)
            yield Ours(server, store, made["pool"])


_VERSION: Final = {"anthropic-version": "2023-06-01"}


def _environment(folder: Path, *, port: int, upstream: int, store: str) -> dict[str, str]:
    """A simulated pool may call this machine, at the simulator's port: there the double listens."""
    return environment(
        ENV_FILE=str(folder / "no.env"),
        SECRET_KEY=secrets.token_urlsafe(48),
        ENCRYPTION_KEY=secrets.token_hex(32),
        DATA_DIR=str(folder),
        DATABASE_URL=f"sqlite:///{folder / 'bench.sqlite3'}",
        REDIS_URL=store,
        SIMULATOR_PORT=str(upstream),
        PORT=str(port),
    )


def _made(env: dict[str, str]) -> dict[str, Any]:
    argv = (sys.executable, "-m", "benchmarks.gateway.pool")
    done = subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True, timeout=SETUP_SECONDS, check=False)
    if done.returncode:
        raise NotStarted(f"the pool could not be made: {done.stderr[-500:]}")
    return cast("dict[str, Any]", json.loads(done.stdout.splitlines()[-1]))
