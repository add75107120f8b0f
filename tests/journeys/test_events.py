"""Server-sent events from the whole application: real uvicorn, real Redis, the database, access keys and sessions."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any

import pytest
import redis.asyncio
from asgiref.sync import sync_to_async
from django.utils import timezone

from accounts.access import issue_access_key, revoke_access_key
from accounts.models import AccessKey, ClaudeAccount, Pool
from accounts.scopes import Scope
from notifications.live.conversation import Patience
from nubabel import live
from nubabel.web.departure import PROCESS, Stage
from tests.journeys.events import listening_to
from tests.journeys.live_scene import Scene, live_scene, session_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
async def scene(redis_url: str) -> AsyncIterator[Scene]:
    async with live_scene(redis_url) as it:
        yield it


async def test_a_request_is_told_as_it_goes(scene: Scene) -> None:
    async with scene.listen() as listener:
        assert listener.answer.headers["content-type"].startswith("text/event-stream")
        await listener.next("snapshot")
        await scene.call(session="s-1")
        started, completed = [await listener.next("agent_started", "agent_completed") for _ in range(2)]
        assert (started["type"], completed["type"]) == ("agent_started", "agent_completed")
        assert (completed["account_name"], completed["session"]) == ("alpha", "s-1")


async def test_who_comes_later_hears_what_happened_lately(scene: Scene) -> None:
    await scene.call()
    async with scene.listen() as listener:
        kinds = [(await listener.next())["type"] for _ in range(3)]
    assert kinds == ["agent_started", "agent_completed", "snapshot"]


async def test_recent_events_can_be_left_out(scene: Scene) -> None:
    await scene.call()
    async with scene.listen("?recent=0") as listener:
        assert (await listener.next())["type"] == "snapshot"


async def test_who_was_away_hears_what_was_missed_and_nothing_twice(scene: Scene) -> None:
    async with scene.listen() as listener:
        await scene.call(1)
        await listener.next("agent_completed")
        last = listener.last_id
    await scene.call(2)
    async with scene.listen(**{"last-event-id": last}) as again:
        heard = [await again.next("agent_started", "agent_completed") for _ in range(2)]
    assert [(it["type"], it["activity"]) for it in heard] == [("agent_started", "act-2"), ("agent_completed", "act-2")]


async def test_the_last_id_may_stand_in_the_address(scene: Scene) -> None:
    await scene.call(1)
    async with scene.listen() as listener:
        started = await listener.next("agent_started")
    async with scene.listen(f"?last_event_id={started['id']}") as again:
        assert (await again.next())["type"] == "agent_completed"


async def test_who_was_away_too_long_is_told_to_reload(scene: Scene) -> None:
    await scene.call()
    async with scene.listen(**{"last-event-id": "1-0"}) as listener:
        kinds = [(await listener.next())["type"] for _ in range(4)]
    assert kinds == ["reload", "agent_started", "agent_completed", "snapshot"]


async def test_a_breaker_is_heard_and_seen(scene: Scene) -> None:
    async with scene.listen("?type=breaker_opened,snapshot") as listener:
        for number in range(2):
            await scene.call(number, ok=False)
        opened = await listener.next("breaker_opened")
        assert opened["text"] == "alpha: breaker opened (http 503)"
        seen = await until_status(listener, "breaker_open")
        assert seen["text"] == "breaker open, back in {clock}"


async def until_status(listener: Any, word: str) -> dict[str, Any]:
    while True:
        for account in (await listener.next("snapshot"))["accounts"]:
            if account["status"]["word"] == word:
                return dict(account["status"])


async def test_numbers_come_whole_first_and_then_what_changed(scene: Scene) -> None:
    async with scene.listen("?type=snapshot") as listener:
        first = await listener.next()
        assert (first["full"], first["accounts"][0]["name"], first["pool"]["serving"]) == (True, "alpha", 1)
        await scene.call()
        later = await listener.next()
        while later["accounts"][0]["today"]["requests"] == 0:
            later = await listener.next()
        assert not later["full"]


async def test_an_edit_is_seen_although_nothing_happened(scene: Scene) -> None:
    async with scene.listen("?type=snapshot") as listener:
        await listener.next()
        await sync_to_async(ClaudeAccount.objects.filter(pk=scene.account.pk).update)(name="renamed")
        assert (await listener.next())["accounts"][0]["name"] == "renamed"


async def test_events_of_another_session_are_not_heard(scene: Scene) -> None:
    async with scene.listen("?session=s-2&recent=0") as listener:
        await scene.call(1, session="s-1")
        await scene.call(2, session="s-2")
        heard = [(await listener.next())["activity"] for _ in range(2)]
    assert heard == ["act-2", "act-2"]


async def test_events_of_one_account_are_found_by_its_name(scene: Scene) -> None:
    async with scene.listen("?account=alpha&type=agent_completed") as listener:
        await scene.call()
        assert (await listener.next())["account"] == str(scene.account.pk)


async def test_a_key_of_one_pool_sees_that_pool_only(scene: Scene) -> None:
    other = await sync_to_async(Pool.objects.create)(name="other")
    bound, _ = await sync_to_async(issue_access_key)(name="bound", scopes=[Scope.ADMIN_READ], pool=other)
    async with scene.listen(key=bound) as listener:
        assert (await listener.next("snapshot"))["pool"]["name"] == "other"
    async with scene.listen("?pool=default", key=bound) as listener:
        assert listener.answer.status == 404


async def test_a_key_for_messages_may_not_listen(scene: Scene) -> None:
    plain, _ = await sync_to_async(issue_access_key)(name="agent", scopes=[Scope.MESSAGES])
    async with scene.listen(key=plain) as listener:
        assert (listener.answer.status, (await listener.answer.json())["error"]["code"]) == (403, "forbidden")


async def test_a_stranger_is_asked_for_a_key(scene: Scene) -> None:
    async with listening_to(f"{scene.url}/api/activity/stream") as listener:
        assert (listener.answer.status, listener.answer.headers["www-authenticate"]) == (401, "Bearer")


async def test_a_member_of_staff_who_may_view_accounts_listens_by_session(scene: Scene) -> None:
    cookie = f"sessionid={await session_of('alice', is_staff=True, is_superuser=True)}"
    async with listening_to(f"{scene.url}/api/events/stream/", cookie=cookie) as listener:
        assert (await listener.next("snapshot"))["pool"]["name"] == "default"


async def test_a_member_of_staff_without_that_permission_does_not(scene: Scene) -> None:
    cookie = f"sessionid={await session_of('bob', is_staff=True)}"
    async with listening_to(f"{scene.url}/api/activity/stream", cookie=cookie) as listener:
        assert listener.answer.status == 403


async def test_nobody_else_does_with_a_session(scene: Scene) -> None:
    cookie = f"sessionid={await session_of('charlie')}"
    async with listening_to(f"{scene.url}/api/activity/stream", cookie=cookie) as listener:
        assert listener.answer.status == 401


async def test_a_revoked_key_loses_its_stream(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "event_stream", replace(live.event_stream, patience=Patience(heartbeat=0.1, recheck=0.2)))
    async with scene.listen() as listener:
        await listener.next("snapshot")
        key = await AccessKey.objects.aget(name="watcher")
        await sync_to_async(revoke_access_key)(key, now=timezone.now())
        with pytest.raises(EOFError):
            await listener.next("agent_failed")


async def test_a_process_that_closes_ends_its_streams(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async with scene.listen() as listener:
        await listener.next("snapshot")
        monkeypatch.setattr(PROCESS, "stage", Stage.CLOSED)
        with pytest.raises(EOFError):
            await listener.next("agent_failed")
        assert "goodbye" in listener.comments


async def test_a_hundred_listeners_cost_one_reader(scene: Scene, redis_url: str) -> None:
    async with AsyncExitStack() as stack:
        listeners = [await stack.enter_async_context(scene.listen("?recent=0")) for _ in range(100)]
        await asyncio.gather(*(listener.next("snapshot") for listener in listeners))
        async with redis.asyncio.Redis.from_url(redis_url) as client:
            reading = [one for one in await client.client_list() if one["cmd"] == "xread"]
        assert len(reading) == 1
        await scene.call()
        heard = await asyncio.gather(*(listener.next("agent_completed") for listener in listeners))
    assert {it["activity"] for it in heard} == {"act-1"}


async def test_no_key_is_in_what_is_told(scene: Scene) -> None:
    await scene.call()
    async with scene.listen() as listener:
        told = [await listener.next() for _ in range(3)]
    assert not any(secret in str(told) for secret in ("sk-ant", "a" * 20, scene.key))
