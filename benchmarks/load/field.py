"""A deployment's processes as they run in production, and Anthropic's double in the place of Anthropic."""

import json
import secrets
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

import msgspec

from benchmarks.gateway.processes import START_SECONDS, NotStarted, free_port, running, started
from benchmarks.gateway.servers import ROOT, environment
from benchmarks.load.plan import Pool
from benchmarks.load.seen import Books, Received, lines
from benchmarks.load.stores import database, store
from benchmarks.monitoring.exposition import scrape, total
from benchmarks.patience import within

WEB_PROCESSES: Final = 2
SETUP_SECONDS: Final = 240.0
BOOKS_SECONDS: Final = 60.0
"""So long the worker may take to write down what happened."""
_GENEROUS: Final = {"rpm": 10_000_000, "itpm": 10_000_000_000, "otpm": 10_000_000_000}
"""Anthropic's double refuses nothing by itself: the limits that are tested are the pool's."""


@dataclass(frozen=True, slots=True)
class Double:
    """Anthropic's double, to be directed, and its journal to be read."""

    url: str
    journal: Path

    def calls(self, account: str) -> int:
        """How many it has received on an account's key."""
        return int(self._ask("GET", "/_sim/state")["accounts"][account]["requests"])

    def break_down(self, account: str) -> None:
        """Answer 500 to everything on that account's key."""
        self._ask("POST", "/_sim/faults", {"account": account, "fault": "internal", "times": None})

    def mend(self, account: str) -> None:
        """Serve it again."""
        self._ask("DELETE", f"/_sim/faults?account={account}")

    def received(self, pool: Pool) -> list[Received]:
        """What came for the accounts of a pool, and was answered."""
        names = {account.name for account in pool.accounts}
        return [one for one in lines(self.journal, Received) if one.account in names]

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:  # noqa: ANN401 - JSON
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)


@dataclass(frozen=True, slots=True)
class Field:
    """Everything, up. `keys` and `ids` are by the pool's name."""

    url: str
    double: Double
    stores: str
    metrics_token: str = field(repr=False)
    keys: Mapping[str, str] = field(repr=False)
    ids: Mapping[str, str]
    env: Mapping[str, str] = field(repr=False)

    def books(self, pool: Pool, *, activities: int) -> Books:
        """What the pool wrote down of so many requests. Raises NotStarted."""
        question = {"pool": self.ids[pool.name], "activities": activities, "seconds": BOOKS_SECONDS}
        return msgspec.convert(_in_product("books", question, self.env, seconds=2 * BOOKS_SECONDS), Books)


@contextmanager
def up(folder: Path, pools: Sequence[Pool], *, logs: Path) -> Iterator[Field]:
    """Two web processes, a worker, stores and the double, with these pools. Raises NotStarted, NoStore."""
    with ExitStack() as stack:
        url, says = stack.enter_context(database(folder))
        redis_url, redis_says = stack.enter_context(store())
        double = stack.enter_context(_double(folder, pools))
        port = free_port()
        env = _environment(folder, port=port, upstream=double.url, database_url=url, redis_url=redis_url)
        made = _in_product("make", [_wanted(pool) for pool in pools], env, seconds=SETUP_SECONDS)
        stack.enter_context(started(made["worker"], env=env, cwd=ROOT, log=logs / "worker.log"))
        web = [*made["web"], "--workers", str(WEB_PROCESSES)]
        stack.enter_context(running(web, port=port, env=env, cwd=ROOT, log=logs / "web.log"))
        base_url = f"http://127.0.0.1:{port}"
        _all_there(base_url, env["METRICS_TOKEN"])
        yield Field(
            base_url,
            double,
            f"{says}; {redis_says}; {WEB_PROCESSES} web processes, a worker",
            env["METRICS_TOKEN"],
            {name: one["key"] for name, one in made["pools"].items()},
            {name: one["id"] for name, one in made["pools"].items()},
            env,
        )


def _all_there(base_url: str, token: str) -> None:
    """Return when every process has reported: the socket of the web processes listens before they do."""

    def reported() -> bool:
        try:
            told = scrape(base_url, token)
        except OSError:
            return False
        web, worker = (total(told, "nubabel_processes", role=role) for role in ("web", "worker"))
        return web >= WEB_PROCESSES and worker >= 1

    if not within(START_SECONDS, reported):
        raise NotStarted("not all processes reported in time")


@contextmanager
def _double(folder: Path, pools: Sequence[Pool]) -> Iterator[Double]:
    accounts, journal, port = folder / "accounts.json", folder / "journal.jsonl", free_port()
    specs = [
        {"name": one.name, "key": _key(one.name), "limits": _GENEROUS, "latency": one.latency}
        for pool in pools
        for one in pool.accounts
    ]
    accounts.write_text(json.dumps(specs))
    options = ("--port", str(port), "--accounts", str(accounts), "--journal", str(journal), "--quiet")
    argv = (sys.executable, "-m", "simulator", *options)
    with running(argv, port=port, env=environment(), cwd=ROOT, log=folder / "double.log"):
        yield Double(f"http://127.0.0.1:{port}", journal)


def _key(name: str) -> str:
    """A made-up one, of the form that real ones have."""
    return f"sk-ant-api03-load-{name}-{'x' * 80}"


def _wanted(pool: Pool) -> dict[str, Any]:
    accounts = [{"name": one.name, "key": _key(one.name), "limits": dict(one.limits)} for one in pool.accounts]
    return {"name": pool.name, "settings": dict(pool.settings), "accounts": accounts}


def _environment(folder: Path, *, port: int, upstream: str, database_url: str, redis_url: str) -> dict[str, str]:
    return environment(
        ENV_FILE=str(folder / "no.env"),
        SECRET_KEY=secrets.token_urlsafe(48),
        ENCRYPTION_KEY=secrets.token_hex(32),
        METRICS_TOKEN=secrets.token_urlsafe(32),
        DATA_DIR=str(folder),
        DATABASE_URL=database_url,
        REDIS_URL=redis_url,
        SIMULATOR_PORT=upstream.rpartition(":")[2],
        POOL_PROCESSES=str(WEB_PROCESSES),
        PORT=str(port),
        LOG_LEVEL="WARNING",
    )


def _in_product(word: str, asked: Any, env: Mapping[str, str], *, seconds: float) -> dict[str, Any]:  # noqa: ANN401
    argv = (sys.executable, "-m", "benchmarks.load.product", word)
    try:
        done = subprocess.run(
            argv,
            input=json.dumps(asked),
            env=env,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise NotStarted(f"{word}: not done after {seconds:.0f} s") from None
    if done.returncode:
        raise NotStarted(f"{word}: {done.stderr[-500:]}")
    return cast("dict[str, Any]", json.loads(done.stdout.splitlines()[-1]))
