"""Requests about resources go to the account that holds them, and only the access key that made one may name it.

A batch, file, skill or container exists in one workspace at Anthropic; any other account answers 404. So each id is
written down with its account when it is made, and what names it later goes there and nowhere else. An id nobody wrote
down for this key does not exist for it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

import msgspec
from msgspec.structs import replace

from gateway.background import Background
from gateway.errors import CallerRefused, OwnersUnavailable
from gateway.owners import Owned, Owners
from gateway.paths import Action, Found, Kind
from gateway.preparing import Context
from gateway.resources import at_our_address, described, ids_made, ids_named, is_batch, is_open, may_make, read
from gateway.responses import Response
from gateway.watching import Watched
from gateway.wire import Request

RETRY_SECONDS: Final = (1.0, 5.0, 30.0, 120.0)

logger = logging.getLogger(__name__)


class Answered(msgspec.Struct, frozen=True):
    """An answer and the account that gave it."""

    response: Response
    account: str


Send = Callable[[Request, Context], Awaitable[Answered]]
BeforeDeletion = Callable[[str], Awaitable[None]]


async def nothing_owed(_id: str) -> None:
    """Let a batch go as it is."""


class Asked(msgspec.Struct, frozen=True):
    """One request at the door. `base_url` is our own address, as the caller reached it."""

    request: Request
    found: Found
    context: Context
    base_url: str

    @property
    def itself(self) -> bool:
        """Whether the address is the resource's own, and not of something below it."""
        return self.request.target.partition("?")[0].endswith(f"/{self.found.id}")

    @property
    def may_describe(self) -> bool:
        """Whether the answer says what the resource is: content and results are for the caller alone."""
        return self.itself or self.request.method == "POST"


class Pinned:
    """Serves everything that makes or names a resource; other messages pass at the price of a look at their bytes."""

    def __init__(
        self,
        owners: Owners,
        *,
        before_deletion: BeforeDeletion = nothing_owed,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`before_deletion` is told of each batch that is about to go, and with it what tells its cost."""
        self._owners = owners
        self._before_deletion = before_deletion
        self._sleep = sleep
        self.background = Background()

    def answer(self, asked: Asked, send: Send) -> Awaitable[Response]:
        """Answer. Raises `CallerRefused` for ids that are not the caller's, `OwnersUnavailable`."""
        match asked.found.route.action:
            case Action.CREATE:
                return self._created(asked, send)
            case Action.USE:
                return self._used(asked, send)
            case Action.DELETE:
                return self._deleted(asked, send)
            case _:
                return self._message(asked, send)

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

    def _sent(self, asked: Asked, send: Send) -> Awaitable[Answered]:
        """Send to the account that holds what the body names, to any if it names nothing."""
        named = ids_named(asked.request.body)
        return self._sent_to_holder(named, asked, send) if named else send(asked.request, asked.context)

    async def _sent_to_holder(self, named: Iterable[str], asked: Asked, send: Send) -> Answered:
        only = await self.holder(named, principal=asked.context.principal)
        return await send(asked.request, replace(asked.context, only=only))

    async def _named_holder(self, asked: Asked) -> str:
        named = ids_named(asked.request.body)
        return await self.holder(named, principal=asked.context.principal) if named else ""

    async def _created(self, asked: Asked, send: Send) -> Response:
        """Make it and write down whose it is, although the caller may leave meanwhile: it would be made anyway."""
        only = await self._named_holder(asked)
        making = asyncio.create_task(self._made(asked, only, send), name="make a resource")
        self.background.keep(making)
        return await asyncio.shield(making)

    async def _made(self, asked: Asked, only: str, send: Send) -> Response:
        return await self._described(asked, await send(asked.request, replace(asked.context, only=only)))

    async def _message(self, asked: Asked, send: Send) -> Response:
        answered = await self._sent(asked, send)
        response = answered.response
        if not may_make(asked.request.body) or not response.good:
            return response

        async def tell(made: tuple[str, str]) -> None:
            kind, id_ = made
            await self._noted(asked, Owned(id_, kind, answered.account, {"id": id_}))

        if response.stream is not None:
            return replace(response, stream=Watched(response.stream, tell=tell))
        for made in dict.fromkeys(ids_made(read(response.body))):
            await tell(made)
        return response

    async def _used(self, asked: Asked, send: Send) -> Response:
        answered = await self._held(asked, send)
        if answered.response.missing and asked.itself and asked.found.route.kind is not Kind.BATCH:
            await self._forgotten(asked)  # it has expired; a new batch may not be found for a moment at Anthropic
        return await self._described(asked, answered) if asked.may_describe else answered.response

    async def _deleted(self, asked: Asked, send: Send) -> Response:
        holder = await self.holder([asked.found.id], principal=asked.context.principal)
        if asked.found.route.kind is Kind.BATCH:
            await self._before_deletion(asked.found.id)
        answered = await send(asked.request, replace(asked.context, only=holder))
        if answered.response.good or answered.response.missing:
            await self._forgotten(asked)
        return answered.response

    async def _held(self, asked: Asked, send: Send) -> Answered:
        account = await self.holder([asked.found.id], principal=asked.context.principal)
        return await send(asked.request, replace(asked.context, only=account))

    async def _described(self, asked: Asked, answered: Answered) -> Response:
        """Take what an answer says of a resource down, and let a batch's results lead to us."""
        response = answered.response
        document = described(response.body) if response.good else {}
        if document and asked.found.id in {"", document["id"]}:
            kind = asked.found.route.kind
            client = asked.context.client.id if asked.context.client else ""
            owned = Owned(document["id"], kind, answered.account, document, open=is_open(document), client=client)
            await self._noted(asked, owned)
        if not is_batch(document):
            return response
        return replace(response, body=at_our_address(response.body, base_url=asked.base_url))

    # -- what must not be lost

    async def _noted(self, asked: Asked, owned: Owned) -> None:
        principal = asked.context.principal
        await self._surely(lambda: self._owners.note(owned, principal=principal), f"{owned.id} on {owned.account}")

    async def _forgotten(self, asked: Asked) -> None:
        id_, principal = asked.found.id, asked.context.principal
        await self._surely(lambda: self._owners.forget(id_, principal=principal), f"the end of {id_}")

    async def _surely(self, work: Callable[[], Awaitable[None]], what: str) -> None:
        """Do it now if possible, else later, and in any case although the caller may leave meanwhile.

        What exists at Anthropic and is not written down, nobody could ever fetch or delete.
        """
        tried = asyncio.get_running_loop().create_future()
        self.background.run(self._insist(work, what, tried), name=f"write down {what}")
        await asyncio.shield(tried)

    async def _insist(self, work: Callable[[], Awaitable[None]], what: str, tried: asyncio.Future[None]) -> None:
        for seconds in (0.0, *RETRY_SECONDS):
            if seconds:
                await self._sleep(seconds)
            try:
                await work()
            except OwnersUnavailable:
                continue
            else:
                return
            finally:
                if not tried.done():
                    tried.set_result(None)
        logger.error("%s could not be written down", what, extra={"action": "own"})
