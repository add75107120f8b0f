"""Every request to Django has an id, in its log lines and in its answer."""

import asyncio
from typing import Any

from nubabel.request_ids import REQUEST, numbered


async def answered(said: list[Any]) -> str:
    async def send(message: Any) -> None:
        said.append(message)

    named = numbered(send)
    await named({"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")]})
    await named({"type": "http.response.body", "body": b"x"})
    return REQUEST.get()


async def test_the_answer_names_what_the_log_lines_name() -> None:
    said: list[Any] = []
    bound = await asyncio.create_task(answered(said))
    assert dict(said[0]["headers"]) == {b"a": b"b", b"request-id": bound.encode()}
    assert said[1] == {"type": "http.response.body", "body": b"x"}


async def test_each_request_has_its_own() -> None:
    first, second = await asyncio.gather(answered([]), answered([]))
    assert first != second
    assert REQUEST.get() == ""
