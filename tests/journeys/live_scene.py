"""The whole application behind uvicorn in this loop, with a pool of one account to watch."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.test import Client

from accounts.access import issue_access_key
from accounts.models import ClaudeAccount, Pool
from accounts.scopes import Scope
from accounts.services import create_account
from nubabel import lifespan
from nubabel.asgi import application
from quota.engine.facade import open_engine
from quota.engine.types import Event, Lease, LeaseRequest, Settlement, Verdict
from quota.publish import load_pool
from quota.records import ActivityEnded, ActivityStarted
from tests.journeys.events import listening_to
from tests.journeys.served import listening


@dataclass
class Scene:
    """A pool of one account, and a key that may read."""

    url: str
    pool: Pool
    account: ClaudeAccount
    key: str
    engine: Any

    def listen(self, query: str = "", *, key: str | None = None, **headers: str) -> Any:
        return listening_to(f"{self.url}/api/activity/stream{query}", **{"x-api-key": key or self.key}, **headers)

    async def call(self, number: int = 1, *, ok: bool = True, session: str = "") -> None:
        """One request, as the gateway tells the engine of it."""
        name, pool = f"act-{number}", str(self.pool.pk)
        started = ActivityStarted(name, source="gateway", pool=pool, model="claude-sonnet-5-5", session=session)
        granted = await self.engine.lease(
            LeaseRequest(
                pool, lease_id=name, model="m", group="g", events=(Event("activity.started", started.to_json()),)
            )
        )
        assert isinstance(granted, Lease)
        ended = ActivityEnded(name, ok=ok, account=granted.account, model="claude-sonnet-5-5")
        event = Event("activity.completed" if ok else "activity.failed", ended.to_json())
        verdict = Verdict.SUCCESS if ok else Verdict.FAILURE
        await self.engine.settle(pool, name, Settlement(verdict, tokens=10, why="http 503", events=(event,)))


def rows() -> tuple[Pool, ClaudeAccount, str]:
    pool = Pool.objects.create(name="default", breaker_threshold=2)
    account = create_account(pool=pool, name="alpha", api_key="sk-ant-api03-" + "a" * 80)
    plain, _ = issue_access_key(name="watcher", scopes=[Scope.ADMIN_READ])
    return pool, account, plain


@asynccontextmanager
async def live_scene(redis_url: str) -> AsyncIterator[Scene]:
    """Serve it until the block ends."""
    pool, account, key = await sync_to_async(rows)()
    engine = open_engine(redis_url, deadline=5)
    await load_pool(engine, str(pool.pk))
    async with listening(application) as (url, _):
        yield Scene(url, pool, account, key, engine)
        await lifespan.close_all(lifespan.closers())
    await engine.close()


@sync_to_async
def session_of(name: str, *, is_staff: bool = False, is_superuser: bool = False) -> str:
    client = Client()
    user = User.objects.create_user(name, is_staff=is_staff, is_superuser=is_superuser)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client.cookies["sessionid"].value
