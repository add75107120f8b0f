"""Stand-ins for the world around notifications: time that moves when told, a store's entries, a Slack that obeys."""

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web
from asgiref.sync import sync_to_async

NOON_MS = 1_795_348_800_000  # 2026-11-22 12:00 UTC
ALPHA = "11111111-aaaa-4aaa-8aaa-111111111111"
BRAVO = "22222222-bbbb-4bbb-8bbb-222222222222"
POOL = "99999999-cccc-4ccc-8ccc-999999999999"
NAMES = {ALPHA: "alpha", BRAVO: "bravo", POOL: "default"}


@dataclass(frozen=True, slots=True)
class FakeEntry:
    type: str
    fields: Mapping[str, str] = field(default_factory=dict)
    id: str = "1-0"
    at_ms: int = NOON_MS


def breaker_entry(*, to: str = "open", gen: int = 1, entry_id: str = "1-0", **fields: str) -> FakeEntry:
    said = {"pool": POOL, "account": ALPHA, "gen": str(gen), "from": "closed", "to": to, "why": "http 503"}
    return FakeEntry("breaker", {**said, "until_ms": str(NOON_MS + 300_000), **fields}, id=entry_id)


def hold_entry(*, why: str = "spend_limit", entry_id: str = "1-0", at_ms: int = NOON_MS, **fields: str) -> FakeEntry:
    said = {"pool": POOL, "account": ALPHA, "scope": "account", "organization": "", "why": why}
    until = {"until_ms": str(NOON_MS + 3_600_000), "group": "", "model": ""}
    return FakeEntry("hold", {**said, **until, **fields}, id=entry_id, at_ms=at_ms)


def ended_entry(*, ok: bool = True, entry_id: str = "1-0", **said: object) -> FakeEntry:
    record = {
        "activity": "act-1",
        "ok": ok,
        "account": ALPHA,
        "model": "claude-opus-5-5",
        "usage": {"input_tokens": 1_000, "output_tokens": 234, "web_searches": 7},
        "cost_nano": 12_345_678,
        "price_known": True,
        "attempts": [{"started_ms": NOON_MS - 2_500, "ended_ms": NOON_MS}],
        "error_type": "" if ok else "overloaded_error",
        "error_message": "" if ok else "every account was tried",
        "at_ms": NOON_MS,
    }
    payload = json.dumps({**record, **said})
    return FakeEntry(f"activity.{'completed' if ok else 'failed'}", {"payload": payload}, id=entry_id)


def alert_entry(
    *,
    step: str = "opened",
    number: int = 1,
    alert: str = "alert-1",
    level: str = "critical",
    at_ms: int = NOON_MS,
    entry_id: str = "1-0",
    **said: object,
) -> FakeEntry:
    record = {
        "alert": alert,
        "number": number,
        "step": step,
        "pool": POOL,
        "kind": "limit",
        "level": level,
        "subject": "account",
        "subject_id": ALPHA,
        "title": "alpha: 95 % of tokens per day used",
        "text": "950 of 1,000 tokens.",
        "since_ms": NOON_MS,
        "at_ms": at_ms,
        "by": "",
    }
    return FakeEntry("quota.alert", {"payload": json.dumps({**record, **said})}, id=entry_id, at_ms=at_ms)


def started_entry(**said: object) -> FakeEntry:
    record = {"activity": "act-1", "source": "gateway", "pool": POOL, "model": "claude-opus-5-5"}
    return FakeEntry("activity.started", {"payload": json.dumps({**record, **said})}, id="1-0")


def progress_entry(*, number: int = 1, **said: object) -> FakeEntry:
    record = {"activity": "act-1", "number": number, "account": ALPHA, "outcome": "overloaded", "why": "http 529"}
    return FakeEntry("activity.progress", {"payload": json.dumps({**record, **said})}, id=f"{1 + number}-0")


def summary_entry(**said: object) -> FakeEntry:
    record = {"pool": POOL, "day": "2026-11-21", "requests": 1_234, "failures": 5, "tokens": 6_789_000}
    costs = {"cost_nano": 41_200_000_000, "month_cost_nano": 900_000_000_000, "open_alerts": ["alpha: circuit open"]}
    payload = json.dumps({**record, **costs, "outlook": "Lasts the month.", **said})
    return FakeEntry("quota.summary", {"payload": payload}, id="1-0")


class HandTime:
    """A clock that moves only when the test says so; who sleeps wakes when it passes their hour."""

    def __init__(self) -> None:
        self.now = 0.0
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        wake_up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, wake_up))
        await wake_up

    async def pass_by(self, seconds: float) -> None:
        await settle()
        self.now += seconds
        due = [it for it in self._sleepers if it[0] <= self.now]
        self._sleepers = [it for it in self._sleepers if it[0] > self.now]
        for _, wake_up in sorted(due, key=lambda it: it[0]):
            if not wake_up.done():
                wake_up.set_result(None)
        await settle()


async def settle() -> None:
    """Let every task that can run do so."""
    for _ in range(25):
        await asyncio.sleep(0)


class HandClock:
    """The time of day, which moves only when the test says so."""

    def __init__(self) -> None:
        self.at = datetime.fromtimestamp(NOON_MS / 1_000, tz=UTC)

    def now(self) -> datetime:
        return self.at

    def pass_by(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


async def at_once(work: Callable[[], Any]) -> Any:
    """Runs ORM work on asgiref's thread, where the test's database connection is."""
    return await sync_to_async(work)()


Reply = Callable[[], web.Response]


def ok() -> web.Response:
    return web.Response(text="ok")


def api_ok() -> web.Response:
    return web.json_response({"ok": True, "ts": "1.2"})


def timestamps() -> Callable[[], web.Response]:
    """Answers well, and names each message after its number."""
    count = iter(range(1, 10_000))
    return lambda: web.json_response({"ok": True, "ts": f"{next(count):05}.0"})


def api_error(word: str) -> Reply:
    return lambda: web.json_response({"ok": False, "error": word})


def plain(status: int, text: str = "", **headers: str) -> Reply:
    return lambda: web.Response(status=status, text=text, headers=headers)


@dataclass
class FakeSlack:
    """Answers with `replies` in turn, then well (or with `usual`); `posts` are what arrived."""

    url: str
    usual: Reply | None = None
    replies: list[Reply] = field(default_factory=list)
    posts: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)

    @property
    def webhook(self) -> str:
        return f"{self.url}/services/T0/B0/s3cr3t"

    @property
    def api_url(self) -> str:
        return f"{self.url}/api/"


@asynccontextmanager
async def fake_slack() -> Any:
    """A Slack on this machine, for the time of a test."""
    slack = FakeSlack("")

    async def answer(request: web.Request) -> web.Response:
        bot = request.path.startswith("/api/")
        body = await request.json()
        slack.bodies.append(await request.read())
        slack.posts.append({"path": request.path, "headers": dict(request.headers), **body})
        slack.tokens.append(request.headers.get("Authorization", ""))
        return slack.replies.pop(0)() if slack.replies else (slack.usual or (api_ok if bot else ok))()

    app = web.Application()
    app.router.add_post("/{rest:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    slack.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield slack
    finally:
        await runner.cleanup()
