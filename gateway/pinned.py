"""Requests about resources go to the account that holds them, and only the access key that made one may name it.

A batch, file, skill or container exists in one workspace at Anthropic; any other account answers 404. So each id is
written down with its account when it is made, and what names it later goes there and nowhere else. An id nobody wrote
down for this key does not exist for it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from gateway.background import Background
from gateway.errors import CallerRefused, OwnersUnavailable
from gateway.owners import Owned, Owners
from gateway.paths import Action, Found
from gateway.preparing import Context
from gateway.resources import at_our_address, container_made, described, ids_named, is_open, may_make_a_container
from gateway.responses import Response
from gateway.watching import Watched
from gateway.wire import Request

RETRY_SECONDS: Final = (1.0, 5.0, 30.0, 120.0)
_GOOD: Final = range(200, 300)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer and the account that gave it."""

    response: Response
    account: str


Send = Callable[[Request, Context], Awaitable[Answered]]


@dataclass(frozen=True, slots=True)
class Asked:
    """One request at the door. `base_url` is our own address, as the caller reached it."""

    request: Request
    found: Found
    context: Context
    base_url: str


class Pinned:
    """Serves everything that makes or names a resource; other messages pass at the price of a look at their bytes."""

    def __init__(self, owners: Owners, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep) -> None:
        self._owners = owners
        self._sleep = sleep
        self.background = Background()

    async def answer(self, asked: Asked, send: Send) -> Response:
        """Answer. Raises `CallerRefused` for ids that are not the caller's, `OwnersUnavailable`."""
        if asked.found.route.action in {Action.USE, Action.DELETE}:
            response = await self._used(asked, send)
        else:
            response = await self._made(asked, send)
        return replace(response, body=at_our_address(response.body, base_url=asked.base_url))

    async def holder(self, ids: Iterable[str], *, principal: str) -> str:
        """Give the account that holds all of `ids`. Raises `CallerRefused`: 404 for unknown ones, 400 for several."""
        wanted = sorted(ids)
        found = await self._owners.find(wanted, principal=principal)
        for id_ in wanted:
            if id_ not in found:
                raise CallerRefused(404, "not_found_error", f"There is no {id_} that this access key has made.")
        accounts = {owned.account for owned in found.values()}
        if len(accounts) > 1:
            said = f"{', '.join(wanted)} lie in different accounts; make them in one request, or upload them again."
            raise CallerRefused(400, "invalid_request_error", said)
        return accounts.pop()

    async def _made(self, asked: Asked, send: Send) -> Response:
        named = ids_named(asked.request.body)
        only = await self.holder(named, principal=asked.context.principal) if named else ""
        answered = await send(asked.request, replace(asked.context, only=only))
        response, note = answered.response, self._noting(asked, answered.account)
        if asked.found.route.action is Action.CREATE:
            if response.status in _GOOD and (document := described(response.body)):
                await note(asked.found.route.kind, document)
        elif may_make_a_container(asked.request.body):
            return await self._with_container(response, note)
        return response

    async def _with_container(self, response: Response, note: "Note") -> Response:
        async def seen(id_: str) -> None:
            await note("container", {"id": id_})

        if response.stream is not None:
            return replace(response, stream=Watched(response.stream, find=container_made, tell=seen))
        if made := container_made(response.body):
            await seen(made)
        return response

    async def _used(self, asked: Asked, send: Send) -> Response:
        found, principal = asked.found, asked.context.principal
        account = await self.holder([found.id], principal=principal)
        answered = await send(asked.request, replace(asked.context, only=account))
        if answered.response.status in _GOOD:
            if found.route.action is Action.DELETE:
                await self._owners.forget(found.id, principal=principal)
            elif (document := described(answered.response.body)).get("id") == found.id:
                await self._noting(asked, account)(found.route.kind, document)
        return answered.response

    def _noting(self, asked: Asked, account: str) -> "Note":
        async def note(kind: str, document: dict[str, Any]) -> None:
            owned = Owned(document["id"], kind, account, document, open=is_open(document))
            try:
                await self._owners.note(owned, principal=asked.context.principal)
            except OwnersUnavailable:
                self.background.run(self._insist(owned, asked.context.principal), name="note a resource")

        return note

    async def _insist(self, owned: Owned, principal: str) -> None:
        """Write down later what exists already: forgotten, nobody could ever fetch or delete it."""
        for seconds in RETRY_SECONDS:
            await self._sleep(seconds)
            try:
                await self._owners.note(owned, principal=principal)
            except OwnersUnavailable:
                continue
            return
        logger.error("%s on account %s could not be written down", owned.id, owned.account, extra={"action": "own"})


Note = Callable[[str, dict[str, Any]], Awaitable[None]]
