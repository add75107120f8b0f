"""The websocket of the whole application: real uvicorn, real Redis, sessions and origins."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from asgiref.sync import sync_to_async
from pytest_django import Settings

from accounts.models import ClaudeAccount
from notifications.consumers import NOT_ALLOWED
from tests.journeys.live_scene import Scene, live_scene, session_of

pytestmark = pytest.mark.django_db(transaction=True)
ORIGIN = "http://127.0.0.1:8000"


@pytest.fixture
async def scene(redis_url: str, settings: Settings) -> AsyncIterator[Scene]:
    settings.CSRF_TRUSTED_ORIGINS = [ORIGIN]
    async with live_scene(redis_url) as it:
        yield it


class Page:
    """A page that holds a socket."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def next(self, *kinds: str) -> Any:
        async with asyncio.timeout(20):
            while True:
                said = await self.socket.receive_json()
                if not kinds or said["type"] in kinds:
                    return said


@asynccontextmanager
async def page(scene: Scene, *, session: str, query: str = "", origin: str = ORIGIN) -> AsyncIterator[Page]:
    headers = {"origin": origin, "cookie": f"sessionid={session}"}
    async with (
        aiohttp.ClientSession() as http,
        http.ws_connect(f"{scene.url}/ws/live/{query}", headers=headers) as socket,
    ):
        yield Page(socket)


@pytest.fixture
async def alice() -> str:
    return await session_of("alice", is_staff=True, is_superuser=True)


async def test_what_the_engine_did_is_seen_by_a_signed_in_browser(scene: Scene, alice: str) -> None:
    async with page(scene, session=alice) as it:
        assert (await it.next("hello"))["pool"]["name"] == "default"
        assert (await it.next("snapshot"))["accounts"][0]["status"]["text"] == "serving"
        await scene.call()
        assert (await it.next("agent_completed"))["account_name"] == "alpha"
        seen = await it.next("snapshot")
        while not seen["accounts"]:
            seen = await it.next("snapshot")
        assert seen["accounts"][0]["today"]["requests"] == 1


async def test_who_comes_back_with_the_last_id_has_missed_nothing(scene: Scene, alice: str) -> None:
    async with page(scene, session=alice) as it:
        await scene.call(1)
        last = (await it.next("agent_completed"))["id"]
    await scene.call(2)
    async with page(scene, session=alice, query=f"?last_event_id={last}") as again:
        await again.next("hello")
        heard = [(await again.next("agent_started", "agent_completed"))["activity"] for _ in range(2)]
    assert heard == ["act-2", "act-2"]


async def test_a_page_of_another_site_gets_no_socket(scene: Scene, alice: str) -> None:
    with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
        async with page(scene, session=alice, origin="http://evil.example"):
            pass
    assert refused.value.status == 403


async def test_a_browser_that_is_not_signed_in_is_told_so(scene: Scene) -> None:
    async with page(scene, session="nobody") as it:
        assert (await it.socket.receive()).data == NOT_ALLOWED


async def test_an_account_that_a_person_disables_is_seen(scene: Scene, alice: str) -> None:
    async with page(scene, session=alice) as it:
        await it.next("snapshot")
        await sync_to_async(ClaudeAccount.objects.filter(pk=scene.account.pk).update)(enabled=False)
        seen = await it.next("snapshot")
        assert (seen["accounts"][0]["status"]["text"], seen["pool"]["serving"]) == ("disabled", 0)
