"""The product itself: uvicorn as `make run` starts it, a database, an embedded Valkey, accounts, an access key."""

import asyncio
import json
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
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
TOLD_SECONDS: Final = 10.0
EVENTS_PER_REQUEST: Final = 3
"""`activity.started` with the lease, `lease.settled` and `activity.completed` with the settlement."""


@dataclass(frozen=True, slots=True)
class Ours:
    """The web process, and the store it leases from."""

    server: Server
    store: Running
    pool: str

    async def told(self, *, at_least: int = 0) -> int:
        """How many events the worker would have got since the last time; they are dropped, as it would do.

        A stream's caller has its last byte a moment before the settlement, so `at_least` so many are waited for.
        """
        until = time.monotonic() + TOLD_SECONDS
        with redis.Redis.from_url(self.store.url, socket_timeout=30.0) as client:
            key = events_key(self.pool)
            while (told := cast("int", client.xlen(key))) < at_least and time.monotonic() < until:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
            client.unlink(key)
        return told


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
