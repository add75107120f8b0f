import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import AsyncClient

from nubabel import health, health_faces
from nubabel.health import Check, report

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


async def well() -> None:
    return


async def broken() -> None:
    raise RuntimeError("password is hunter2")


def named(name: str, run: Callable[[], Awaitable[None]], *, deadline: float = 1.0) -> Check:
    return Check(name, run, deadline=deadline)


async def body_of(*checks: Check) -> dict[str, Any]:
    return dict((await report(checks, clock=lambda: NOON)).body())


async def test_all_well_is_ok_with_an_iso_timestamp() -> None:
    assert await body_of(named("a", well)) == {"status": "ok", "timestamp": "2026-11-23T12:00:00.000+00:00"}


async def test_one_that_fails_makes_it_503_and_leaks_nothing() -> None:
    result = await report((named("a", well), named("b", broken)), clock=lambda: NOON)
    assert result.http_status == 503
    assert result.body()["checks"] == {"a": "ok", "b": "error"}
    assert "hunter2" not in json.dumps(result.body())


async def test_a_hanging_check_is_given_up_at_its_deadline() -> None:
    async def hang() -> None:
        await asyncio.Event().wait()

    result = await asyncio.wait_for(report((named("a", hang, deadline=0.01),)), 1)
    assert not result.ok


async def test_many_who_ask_at_once_share_one_check() -> None:
    begun = 0
    go = asyncio.Event()

    async def slow() -> None:
        nonlocal begun
        begun += 1
        await go.wait()

    check = named("a", slow)
    crowd = [asyncio.create_task(check.passes()) for _ in range(50)]
    await asyncio.sleep(0)
    go.set()
    assert all(await asyncio.gather(*crowd))
    assert begun == 1


async def test_a_check_that_hung_is_not_started_again_while_it_hangs() -> None:
    begun = 0
    go = asyncio.Event()

    async def slow() -> None:
        nonlocal begun
        begun += 1
        await go.wait()

    check = named("a", slow, deadline=0.01)
    assert not await check.passes()
    assert not await check.passes()
    go.set()
    assert await check.passes()
    assert begun == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", ["live", "db", "redis", "ready"])
async def test_each_address_answers_ok_when_all_is_well(name: str, async_client: AsyncClient) -> None:
    answer = await async_client.get(f"/health/{name}")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert datetime.fromisoformat(answer.json()["timestamp"]).tzinfo is not None
    assert "no-store" in answer["Cache-Control"]


async def test_head_is_answered_without_a_body(async_client: AsyncClient) -> None:
    answer = await async_client.head("/health/live")
    assert (answer.status_code, answer.content) == (200, b"")


async def test_writing_to_it_is_refused(async_client: AsyncClient) -> None:
    assert (await async_client.post("/health/live")).status_code == 405


async def test_a_dead_redis_is_told(async_client: AsyncClient, settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    answer = await async_client.get("/health/redis")
    assert (answer.status_code, answer.json()["status"]) == (503, "error")
    assert "127.0.0.1" not in answer.content.decode()


async def asked(path: str, *, method: str = "GET") -> list[dict[str, Any]]:
    """What the ASGI face sends."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope: Any = {"type": "http", "method": method, "path": path, "headers": []}
    assert health_faces.answers(scope)
    await health_faces.application(scope, None, send)  # type: ignore[arg-type]
    return sent


async def test_the_asgi_face_answers_without_a_host_header() -> None:
    start, body = await asked("/health/live")
    assert start["status"] == 200
    assert json.loads(body["body"])["status"] == "ok"


async def test_the_asgi_face_answers_head_with_the_length_only() -> None:
    start, body = await asked("/health/live", method="HEAD")
    assert int(dict(start["headers"])[b"content-length"]) > 0
    assert body["body"] == b""


@pytest.mark.parametrize(("method", "path"), [("POST", "/health/live"), ("GET", "/health/nothing"), ("GET", "/live")])
def test_everything_else_is_left_to_django(method: str, path: str) -> None:
    assert not health_faces.answers({"type": "http", "method": method, "path": path})  # type: ignore[typeddict-item]


def test_ready_asks_for_everything() -> None:
    assert [check.name for check in health.CHECKS["ready"]] == ["database", "redis", "migrations", "pool", "staying"]
