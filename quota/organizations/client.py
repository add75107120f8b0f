"""Asking Anthropic's Admin API, with one organization's Admin key. Every wait has a deadline; nothing is retried here.

The newer analytics reports are asked first, because they tell requests and the cost of each key; where an organization
has none of them, the classic usage report is, and the cost per key stays unknown.
"""

import asyncio
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import aiohttp
import msgspec

from accounts.credentials import Secret
from accounts.resolving import AddressRefused
from quota.errors import AdminAnswerOdd, AdminApiError, AdminKeyRefused, AdminThrottled, AdminUnreachable, ReportMissing
from quota.organizations import reading
from quota.organizations.reading import CostFacts, KeyFacts, OrganizationFacts, RateLimitFacts, UsageFacts

DEADLINE_SECONDS: Final = 20.0
ANSWER_MAX: Final = 16 * 1024 * 1024
"""Bytes of one answer."""
PAGES_MAX: Final = 1_000
VERSION: Final = "2023-06-01"
ANALYTICS_BETA: Final = "analytics-usage-cost-2026-08-24"
USER_AGENT: Final = "Nubabel/1.0 (account pool; quota monitoring)"
_REFUSED: Final = frozenset({401, 403})
_MISSING: Final = frozenset({400, 404})
_THROTTLED: Final = 429
_OK: Final = 200
_SECONDS: Final = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")

Params = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Report:
    """Usage and cost by key and day. `costs` is None where the organization is told none by key."""

    usage: tuple[UsageFacts, ...]
    costs: tuple[CostFacts, ...] | None
    complete_until: datetime | None


class AdminClient:
    """One organization, as its Admin key sees it. Methods raise `AdminApiError`."""

    def __init__(
        self, session: aiohttp.ClientSession, *, key: Secret, base_url: str, deadline: float = DEADLINE_SECONDS
    ) -> None:
        self._session = session
        self._key = key
        self._base_url = base_url.rstrip("/")
        self._deadline = deadline

    async def organization(self) -> OrganizationFacts:
        return reading.organization(await self._get("/v1/organizations/me", {}))

    async def keys(self) -> list[KeyFacts]:
        return reading.keys(await self._by_id("/v1/organizations/api_keys"))

    async def rate_limits(self) -> list[RateLimitFacts]:
        return reading.rate_limits([row async for row in self._paged("/v1/organizations/rate_limits", {})])

    async def report(self, *, first: date, last: date) -> Report:
        """What each key used and cost on these UTC days, both included; at most 31."""
        try:
            return await self._analytics(first, last)
        except ReportMissing:
            return await self._classic(first, last)

    async def _analytics(self, first: date, last: date) -> Report:
        span = {**_span(first, last), "time_bucket_width": "1d", "group_by[]": "api_key_id", "limit": "1000"}
        documents: list[Mapping[str, Any]] = []
        usage = [row async for row in self._paged("/v1/organizations/analytics/usage", span, seen=documents)]
        costs = [row async for row in self._paged("/v1/organizations/analytics/cost", span, seen=documents)]
        told = [instant for document in documents if (instant := reading.refreshed_at(document))]
        return Report(
            tuple(reading.analytics_usage(usage)), tuple(reading.analytics_cost(costs)), min(told, default=None)
        )

    async def _classic(self, first: date, last: date) -> Report:
        span = {**_span(first, last), "bucket_width": "1d", "group_by[]": "api_key_id", "limit": "31"}
        buckets = [row async for row in self._paged("/v1/organizations/usage_report/messages", span)]
        return Report(tuple(reading.classic_usage(buckets)), None, None)

    # -- pages

    async def _paged(
        self, path: str, params: Params, *, seen: list[Mapping[str, Any]] | None = None
    ) -> AsyncIterator[Mapping[str, Any]]:
        page: str | None = None
        for _ in range(PAGES_MAX):
            document = await self._get(path, {**params, **({"page": page} if page else {})})
            if seen is not None:
                seen.append(document)
            for row in _rows(document):
                yield row
            page = document.get("next_page")
            if not page:
                return
        raise AdminAnswerOdd(f"{path} has more than {PAGES_MAX} pages")

    async def _by_id(self, path: str) -> list[Mapping[str, Any]]:
        rows: list[Mapping[str, Any]] = []
        after: str | None = None
        for _ in range(PAGES_MAX):
            document = await self._get(path, {"limit": "1000", **({"after_id": after} if after else {})})
            rows.extend(_rows(document))
            after = document.get("last_id")
            if not document.get("has_more") or not after:
                return rows
        raise AdminAnswerOdd(f"{path} has more than {PAGES_MAX} pages")

    # -- one question

    async def _get(self, path: str, params: Params) -> Mapping[str, Any]:
        try:
            async with asyncio.timeout(self._deadline):
                return await self._asked(path, params)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise AdminUnreachable(f"{path}: {_kind_of(error)}") from None  # the cause may quote a header

    async def _asked(self, path: str, params: Params) -> Mapping[str, Any]:
        headers = {
            "x-api-key": self._key.reveal(),
            "anthropic-version": VERSION,
            "user-agent": USER_AGENT,
            **({"anthropic-beta": ANALYTICS_BETA} if "/analytics/" in path else {}),
        }
        url = f"{self._base_url}{path}"
        async with self._session.get(url, params=params, headers=headers, allow_redirects=False) as response:
            if response.status != _OK:
                raise _trouble(path, response.status, response.headers)
            return _document(await _body(path, response))


async def _body(path: str, response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > ANSWER_MAX:
            raise AdminAnswerOdd(f"{path} answers with more than {ANSWER_MAX} bytes")
    return bytes(body)


def _kind_of(error: Exception) -> str:
    if isinstance(getattr(error, "os_error", None), AddressRefused):
        return "its address leads into a network that keys are not sent to; see ANTHROPIC_PRIVATE_NETWORKS"
    return type(error).__name__


def _trouble(path: str, status: int, headers: Mapping[str, str]) -> AdminApiError:
    if status in _REFUSED:
        return AdminKeyRefused(f"{path}: http {status}")
    if status == _THROTTLED:
        return AdminThrottled(f"{path}: http 429", retry_after=_seconds(headers.get("retry-after", "")))
    if status in _MISSING and "/analytics/" in path:
        return ReportMissing(f"{path}: http {status}")
    return AdminUnreachable(f"{path}: http {status}")


def _seconds(text: str) -> float | None:
    """Whole or fractional seconds; a date, which the header may also be, says nothing to a caller with its own pace."""
    return float(text) if _SECONDS.fullmatch(text) else None


def _document(body: bytes) -> Mapping[str, Any]:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.MsgspecError, ValueError):
        raise AdminAnswerOdd("the answer is no JSON") from None
    if not isinstance(document, dict):
        raise AdminAnswerOdd("the answer is no JSON object")
    return document


def _rows(document: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows = document.get("data")
    if not isinstance(rows, list):
        raise AdminAnswerOdd("the answer has no list of data")
    return rows


def _span(first: date, last: date) -> Params:
    begin, end = (datetime.combine(day, time.min, tzinfo=UTC) for day in (first, last + timedelta(days=1)))
    return {"starting_at": _rfc3339(begin), "ending_at": _rfc3339(end)}


def _rfc3339(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")
