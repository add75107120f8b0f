"""Stand-ins for the world around notifications: time that moves when told, a store's entries, a Slack that obeys."""

import asyncio
import json
from collections.abc import Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from notifications.slack_blocks import Channel, SlackMessage
from notifications.slack_routes import Destination

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


class Naps:
    """A sleeper that only writes down for how long."""

    def __init__(self) -> None:
        self.taken: list[float] = []

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)


class FakeSender:
    """Remembers what was sent; `trouble`, if any, is raised instead. Both kinds share one place unless told."""

    def __init__(self, *, apart: bool = False) -> None:
        self.sent: list[SlackMessage] = []
        self.trouble: Exception | None = None
        self._apart = apart

    def destination(self, channel: Channel) -> Destination:
        return Destination(channel.value if self._apart else "one")

    def addressed(self, message: SlackMessage) -> SlackMessage:
        return message

    async def send(self, message: SlackMessage) -> Destination:
        if self.trouble:
            raise self.trouble
        self.sent.append(message)
        return self.destination(message.channel)


Reply = Callable[[], web.Response]


def ok() -> web.Response:
    return web.Response(text="ok")


def api_ok() -> web.Response:
    return web.json_response({"ok": True, "ts": "1.2"})


def api_error(word: str) -> Reply:
    return lambda: web.json_response({"ok": False, "error": word})


def plain(status: int, text: str = "", **headers: str) -> Reply:
    return lambda: web.Response(status=status, text=text, headers=headers)


@dataclass
class FakeSlack:
    """Answers with `replies` in turn, then well; `posts` are what arrived."""

    url: str
    replies: list[Reply] = field(default_factory=list)
    posts: list[dict[str, Any]] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)

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
        slack.posts.append({"path": request.path, **body})
        slack.tokens.append(request.headers.get("Authorization", ""))
        return slack.replies.pop(0)() if slack.replies else (api_ok if bot else ok)()

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
