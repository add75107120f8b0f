"""Who may read /metrics: the token's holder and keys with admin-read, over plain ASGI."""

from collections.abc import Mapping
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from pytest_django.fixtures import Settings

from accounts.access import issue_access_key
from nubabel.asgi import application
from quota.wiring import close_gatherer

pytestmark = pytest.mark.django_db(transaction=True)
TOKEN = "t" * 32


async def get(headers: Mapping[str, str], *, method: str = "GET") -> tuple[int, bytes]:
    """As a process would be asked."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "path": "/metrics", "method": method, "headers": pairs, "client": ("127.0.0.1", 1)}
    try:
        await application(scope, None, send)
    finally:
        await close_gatherer()
    return sent[0]["status"], sent[1]["body"]


def bearer(key: str) -> dict[str, str]:
    return {"authorization": f"Bearer {key}"}


async def key_with(scope: str, **limits: Any) -> str:
    plain, _ = await sync_to_async(issue_access_key)(name=scope, scopes=[scope], **limits)
    return plain


async def test_the_token_opens_it(settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN
    status, body = await get(bearer(TOKEN))
    assert status == 200
    assert b"# TYPE nubabel_requests_total counter" in body


async def test_an_access_key_with_admin_read_opens_it() -> None:
    assert (await get(bearer(await key_with("admin-read"))))[0] == 200


async def test_an_access_key_for_messages_does_not() -> None:
    assert (await get(bearer(await key_with("messages"))))[0] == 403


async def test_a_key_for_another_network_does_not() -> None:
    assert (await get(bearer(await key_with("admin-read", networks=["10.0.0.0/8"]))))[0] == 403


@pytest.mark.parametrize("headers", [{}, bearer(""), bearer("nonsense"), {"authorization": "Basic eA=="}])
async def test_nobody_else_gets_in(headers: dict[str, str], settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN
    assert (await get(headers))[0] == 401


async def test_an_unset_token_opens_nothing(settings: Settings) -> None:
    settings.METRICS_TOKEN = ""
    assert (await get({"authorization": "Bearer "}))[0] == 401


async def test_head_is_answered_without_a_body(settings: Settings) -> None:
    settings.METRICS_TOKEN = TOKEN
    assert await get(bearer(TOKEN), method="HEAD") == (200, b"")
