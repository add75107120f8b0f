"""Lists of resources over all accounts: what an access key has made, newest first.

They are made of our own records, so that pages are exact however many accounts there are; only what changes by itself
(a batch that runs, a skill's latest version) is asked for anew, where it lies. Anthropic's own skills follow the key's.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as changed
from typing import Any, Final
from urllib.parse import parse_qs, quote

from msgspec.structs import replace

from gateway.errors import CallerRefused
from gateway.owners import PAGE_MAX, Owned, Owners, Page, Wanted
from gateway.paths import Kind
from gateway.pinned import Asked, Send
from gateway.resources import at_our_address, described, is_open
from gateway.responses import Response
from gateway.wire import Request

AT_A_TIME: Final = 8
DEFAULT_LIMIT: Final = 20
BUILT_IN_MAX: Final = 100
"""More skills than that Anthropic gives nobody at once."""
_PAGE: Final = "page_"
_BUILT_IN: Final = "page_anthropic_"
_BY_ID: Final = Kind.BATCH
"""The kind that pages by ids; the others page by tokens."""


@dataclass(frozen=True, slots=True)
class Query:
    """What was asked for in the address."""

    wanted: Wanted
    ids: tuple[str, ...] = ()
    built_in: str | None = None
    """The place in Anthropic's own list, once the caller has come that far."""
    source: str = ""


def read_query(target: str) -> Query:
    """Read a list's query. Raises `CallerRefused` (400) for a limit that is none."""
    given = parse_qs(target.partition("?")[2])

    def first(name: str) -> str:
        return given.get(name, [""])[0]

    page = first("page")
    built_in = page.removeprefix(_BUILT_IN) if page.startswith(_BUILT_IN) else None
    after = first("after_id") or page.removeprefix(_PAGE)
    ids = tuple(given.get("ids", []) + given.get("ids[]", []))[:100]
    wanted = Wanted(_limit(first("limit")), after=after, before=first("before_id"))
    return Query(wanted, ids, built_in, first("source"))


def _limit(text: str) -> int:
    if not text:
        return DEFAULT_LIMIT
    if not text.isdecimal() or not text.isascii() or not 1 <= int(text[:9]) <= PAGE_MAX:
        raise CallerRefused(400, "invalid_request_error", f"limit: Input should be between 1 and {PAGE_MAX}")
    return int(text)


class Lists:
    """Answers `GET` on a kind of resource."""

    def __init__(self, owners: Owners) -> None:
        self._owners = owners

    async def answer(self, asked: Asked, send: Send) -> Response:
        """Give one page. Raises `CallerRefused` (400) for a cursor that is not in the list, `OwnersUnavailable`."""
        kind, query = asked.found.route.kind, read_query(asked.request.target)
        if query.built_in is not None:
            return await self._anthropics(asked, send, query.built_in, query.wanted.limit)
        page = await self._page(asked, query)
        ends = kind is Kind.SKILL and not page.has_more and query.source != "custom"
        if ends and not page.items:
            return await self._anthropics(asked, send, "", query.wanted.limit)
        documents = await self._documents(page.items, asked, send)
        body = json.dumps(_body(kind, page, documents, goes_on=ends)).encode()
        ours = at_our_address(body, base_url=asked.base_url) if kind == _BY_ID else body
        return Response(200, (("content-type", "application/json"),), ours)

    async def _page(self, asked: Asked, query: Query) -> Page:
        kind, principal = asked.found.route.kind, asked.context.principal
        if query.source == "anthropic":
            return Page((), has_more=False)
        if query.ids:
            found = await self._owners.find(query.ids, principal=principal)
            return Page(tuple(one for one in found.values() if one.kind == kind), has_more=False)
        try:
            return await self._owners.page(kind, query.wanted, principal=principal)
        except LookupError:
            raise CallerRefused(400, "invalid_request_error", "The list has no such place to go on from.") from None

    async def _documents(self, items: Sequence[Owned], asked: Asked, send: Send) -> list[Mapping[str, Any]]:
        turnstile = asyncio.Semaphore(AT_A_TIME)

        async def fresh(owned: Owned) -> Mapping[str, Any]:
            if not _may_have_changed(owned):
                return owned.document
            async with turnstile:
                return await self._seen_again(owned, asked, send)

        return [document for document in await asyncio.gather(*(fresh(owned) for owned in items)) if document]

    async def _seen_again(self, owned: Owned, asked: Asked, send: Send) -> Mapping[str, Any]:
        """Ask where it lies; what cannot be asked now is shown as it was last seen, what is gone not at all."""
        base = asked.request.target.partition("?")[0]
        request = Request("GET", f"{base}/{owned.id}", asked.request.headers)
        answered = await send(request, replace(asked.context, only=owned.account))
        if answered.response.missing:
            return {}
        document = described(answered.response.body) if answered.response.good else {}
        if not document:
            return owned.document
        seen = changed(owned, document=document, open=is_open(document))
        await self._owners.note(seen, principal=asked.context.principal)
        return document

    async def _anthropics(self, asked: Asked, send: Send, place: str, limit: int) -> Response:
        """Give Anthropic's own skills, which any account sees alike."""
        path = asked.request.target.partition("?")[0]
        page = f"&page={quote(place)}" if place else ""
        target = f"{path}?source=anthropic&limit={min(limit, BUILT_IN_MAX)}{page}"
        response = (await send(replace(asked.request, target=target), asked.context)).response
        return replace(response, body=_renamed_page(response.body))


def _may_have_changed(owned: Owned) -> bool:
    """Say whether to ask again: a batch that runs, a skill, and what we know by its id alone."""
    return owned.open or owned.kind == Kind.SKILL or "type" not in owned.document


def _body(kind: str, page: Page, documents: Sequence[Mapping[str, Any]], *, goes_on: bool) -> dict[str, Any]:
    first, last = (page.items[0].id, page.items[-1].id) if page.items else (None, None)
    if kind == _BY_ID:
        return {"data": documents, "has_more": page.has_more, "first_id": first, "last_id": last}
    following = f"{_PAGE}{last}" if page.has_more else _BUILT_IN if goes_on else None
    return {"data": documents, "next_page": following}


def _renamed_page(body: bytes) -> bytes:
    try:
        document = json.loads(body)
    except ValueError:
        return body
    if not isinstance(document, dict) or not document.get("next_page"):
        return body
    return json.dumps(document | {"next_page": f"{_BUILT_IN}{document['next_page']}"}).encode()
