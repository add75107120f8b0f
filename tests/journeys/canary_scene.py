"""A pool whose every secret is a canary, behind the whole application: an account that serves, two whose upstream
says their key again in every answer, one that cannot be decrypted; Slack and Anthropic's Admin API are doubles.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web
from asgiref.sync import sync_to_async
from django.apps import apps
from pytest_django import Settings

from accounts.access import issue_access_key
from accounts.models import ClaudeAccount, Pool
from accounts.role_groups import grant_roles
from accounts.scopes import Scope
from accounts.services import create_account
from nubabel import lifespan
from nubabel.asgi import application
from nubabel.logs import TextFormatter
from quota.models import Organization
from quota.publish import publish_pool
from quota.running import running_worker
from simulator.testing import running_simulator
from simulator.world import World
from tests.accounts.cast import OLD
from tests.canaries import Sweep, canary
from tests.journeys.live_scene import session_of
from tests.journeys.served import listening
from tests.loopback import served
from tests.notifications.fakes import FakeSlack, fake_slack

OURS = {"nubabel", "accounts", "quota", "gateway", "notifications"}
ORIGIN = "http://127.0.0.1:8000"
METRICS_TOKEN = "scrape-" * 6
MESSAGE = {"model": "claude-sonnet-5-5", "max_tokens": 20, "messages": [{"role": "user", "content": "Hello"}]}
SECRETS = {
    "key of alpha": canary("sk-ant-api03-", "alpha"),
    "key of echo": canary("sk-ant-api03-", "echo"),
    "key of faulty": canary("sk-ant-api03-", "faulty"),
    "key of lost": canary("sk-ant-api03-", "lost"),
    "admin key": canary("sk-ant-admin01-", "organization"),
    "Slack token": canary("xoxb-", "slack"),
}


@dataclass
class Echo:
    """An upstream that says again whatever it was sent: with 500 to faulty, with 400 and then 401 to others."""

    statuses: list[int] = field(default_factory=lambda: [400, 401])
    asked: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        key = request.headers.get("x-api-key", "")
        status = 500 if key == SECRETS["key of faulty"] else self.statuses.pop(0) if self.statuses else 400
        error = {"type": "invalid_request_error", "message": f"no good: {key}, {dict(request.headers)}"}
        told = {"request-id": key, "anthropic-organization-id": key, "x-echo": key}
        return web.json_response({"type": "error", "error": error}, status=status, headers=told)


class Lines(logging.Handler):
    """What is logged, by us as it was said, by others as it is written."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self._written = TextFormatter()

    def emit(self, record: logging.LogRecord) -> None:
        ours = record.name.partition(".")[0] in OURS
        self.lines.append((logging.Formatter() if ours else self._written).format(record))


@dataclass
class Scene:
    """The application at `url`, its database and its doubles."""

    url: str
    access_key: str
    session: str
    echo: Echo
    slack: FakeSlack
    log: Lines
    secrets: dict[str, str]

    async def drive(self, sweep: Sweep) -> None:
        """Requests that end well and badly, while a browser and a program listen; then the worker's round."""
        async with aiohttp.ClientSession() as http, asyncio.TaskGroup() as listeners:
            heard = [listeners.create_task(self._socket(http, sweep)), listeners.create_task(self._events(http, sweep))]
            await asyncio.sleep(0.2)
            for _ in range(5):
                await self._ask(http, sweep, MESSAGE)
            await self._ask(http, sweep, {**MESSAGE, "stream": True})
            await self._ask(http, sweep, {"message": "Hello"}, path="/api/orchestrator/execute")
            await self._ask(http, sweep, MESSAGE, key="sk-ant-api03-" + "x" * 80)
            for _ in range(2):
                async with running_worker() as worker:
                    await worker.once()
            await asyncio.sleep(1.0)
            for task in heard:
                task.cancel()
        sweep.look_at_all("slack payload", ({**post, "headers": ""} for post in self.slack.posts))

    async def _ask(
        self, http: aiohttp.ClientSession, sweep: Sweep, body: Any, *, path: str = "/v1/messages", key: str = ""
    ) -> None:
        headers = {"x-api-key": key or self.access_key}
        async with http.post(f"{self.url}{path}", json=body, headers=headers) as answer:
            sweep.look(f"gateway {answer.status}", f"{await answer.text()} {dict(answer.headers)}")

    async def get(self, http: aiohttp.ClientSession, sweep: Sweep, path: str) -> None:
        """What the front door answers before Django."""
        headers = {"Authorization": f"Bearer {METRICS_TOKEN}"}
        async with http.get(f"{self.url}{path}", headers=headers) as answer:
            sweep.look(f"front {path}", f"{await answer.text()} {dict(answer.headers)}")

    async def _socket(self, http: aiohttp.ClientSession, sweep: Sweep) -> None:
        headers = {"origin": ORIGIN, "cookie": f"sessionid={self.session}"}
        async with http.ws_connect(f"{self.url}/ws/live/", headers=headers) as socket:
            async for frame in socket:
                sweep.look(f"frame {json.loads(frame.data)['type']}", str(frame.data))

    async def _events(self, http: aiohttp.ClientSession, sweep: Sweep) -> None:
        headers = {"x-api-key": self.access_key}
        async with http.get(f"{self.url}/api/activity/stream", headers=headers) as answer:
            async for line in answer.content:
                sweep.look("event", line.decode())


def rows(settings: Settings, *, simulator: str, echo: str) -> str:
    """Fill the database; gives the access key."""
    grant_roles(apps, None)
    pool = Pool.objects.create(name="default", strategy="priority", simulated=True)
    for priority, (name, url) in enumerate((("faulty", echo), ("echo", echo), ("lost", echo), ("alpha", simulator))):
        _account(settings, pool, name, base_url=url, priority=priority)
    organization = Organization(name="ours", base_url=echo)
    organization.admin_key = SECRETS["admin key"]
    organization.save()
    plain, _ = issue_access_key(name="canary", scopes=list(Scope))
    publish_pool(pool.pk)
    return plain


def _account(settings: Settings, pool: Pool, name: str, **columns: Any) -> ClaudeAccount:
    now = settings.ENCRYPTION_KEY
    settings.ENCRYPTION_KEY = OLD if name == "lost" else now
    made = create_account(pool=pool, name=name, api_key=SECRETS[f"key of {name}"], **columns)
    settings.ENCRYPTION_KEY = now
    return made


def configure(settings: Settings, *, urls: tuple[str, ...], slack: FakeSlack) -> None:
    settings.ALLOWED_BASE_URLS = urls
    settings.CSRF_TRUSTED_ORIGINS = [ORIGIN]
    settings.METRICS_TOKEN = METRICS_TOKEN
    settings.SLACK_BOT_TOKEN = SECRETS["Slack token"]
    settings.SLACK_API_BASE_URL = slack.api_url
    settings.SLACK_ALERT_CHANNEL = settings.SLACK_ACTIVITY_CHANNEL = "C0123456789"


@asynccontextmanager
async def canary_scene(settings: Settings, *, log: Lines) -> AsyncIterator[Scene]:
    """Serve it until the block ends."""
    world = World(seed=7)
    world.add_account("alpha", key=SECRETS["key of alpha"])
    echo = Echo()
    async with AsyncExitStack() as stack:
        simulator = await stack.enter_async_context(running_simulator(world))
        at = await stack.enter_async_context(served(echo.answer))
        slack = await stack.enter_async_context(fake_slack())
        configure(settings, urls=(simulator.url, at), slack=slack)
        key = await sync_to_async(rows)(settings, simulator=simulator.url, echo=at)
        session = await session_of("root", is_staff=True, is_superuser=True)
        url, _ = await stack.enter_async_context(listening(application))
        yield Scene(url, key, session, echo, slack, log, {**SECRETS, "access key": key})
        await lifespan.close_all(lifespan.closers())
