"""A connection that waits in place: while it does, no virtual time passes."""

from collections.abc import Sequence
from typing import Any, cast

import redis

from quota.engine.connection import Connection
from quota.engine.scripts import Script

Part = bytes | str | int


class BlockingConnection(Connection):
    """Stands in for the engine's own connection."""

    def __init__(self, url: str) -> None:
        super().__init__(url, deadline=10.0)
        self._client = redis.Redis.from_url(url)

    async def evalsha(self, script: Script, keys: Sequence[bytes], args: Sequence[Part]) -> list[Any]:
        try:
            reply = await self.call("EVALSHA", script.sha, len(keys), *keys, *args)
        except redis.exceptions.NoScriptError:
            reply = await self.call("EVAL", script.text, len(keys), *keys, *args)
        return cast("list[Any]", reply)

    async def call(self, *parts: Part) -> Any:  # noqa: ANN401 - a reply is whatever RESP says
        return self._client.execute_command(*parts)  # type: ignore[no-untyped-call]

    def forget_everything(self) -> None:
        """Begin with an empty store."""
        self._client.flushdb()

    async def close(self) -> None:
        self._client.close()
