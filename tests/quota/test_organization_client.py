"""The Admin API asked: pages to the end, odd answers refused by name, no wait without an end."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from accounts.credentials import Secret
from quota.errors import AdminAnswerOdd, AdminApiError, AdminKeyRefused, AdminThrottled, AdminUnreachable
from quota.organizations.client import AdminClient
from quota.organizations.reading import CostFacts, UsageFacts

KEY = "sk-ant-admin01-canary"
DAY = date(2026, 11, 27)
SILENCE = object()
USAGE = "/v1/organizations/analytics/usage"
COST = "/v1/organizations/analytics/cost"
CLASSIC = "/v1/organizations/usage_report/messages"


@dataclass
class AdminDouble:
    """Answers by path; an answer may be a list, one for each time it is asked."""

    client: AdminClient
    answers: dict[str, Any] = field(default_factory=dict)
    asked: list[web.Request] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request)
        known = self.answers.get(request.path, web.Response(status=404))
        if known is SILENCE:
            await asyncio.Event().wait()
        found = known.pop(0) if isinstance(known, list) else known
        return found if isinstance(found, web.Response) else web.json_response(found)


@asynccontextmanager
async def admin_double(*, deadline: float) -> AsyncIterator[AdminDouble]:
    app = web.Application()
    async with aiohttp.ClientSession() as session:
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
        double = AdminDouble(AdminClient(session, key=Secret(KEY), base_url="http://127.0.0.1:1", deadline=deadline))
        app.router.add_get("/{rest:.*}", double.answer)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        double.client = AdminClient(
            session, key=Secret(KEY), base_url=f"http://127.0.0.1:{runner.addresses[0][1]}", deadline=deadline
        )
        yield double
        await runner.cleanup()


@pytest.fixture
async def admin() -> AsyncIterator[AdminDouble]:
    async with admin_double(deadline=20) as double:
        yield double


def usage_row(tokens: int, key: str | None = "apikey_1") -> dict[str, Any]:
    usage = {"uncached_input_tokens": tokens, "requests": 1}
    return {"starting_at": "2026-11-27T00:00:00Z", "group": {"api_key_id": key}, "usage": usage}


def cost_row(cents: str, key: str | None = "apikey_1") -> dict[str, Any]:
    return {"starting_at": "2026-11-27T00:00:00Z", "group": {"api_key_id": key}, "cost": {"amount": cents}}


def page(*rows: Any, following: str | None = None, refreshed: str = "2026-11-28T11:55:00Z") -> dict[str, Any]:
    return {"data": list(rows), "has_more": bool(following), "next_page": following, "data_refreshed_at": refreshed}


async def test_a_report_is_read_to_its_last_page(admin: AdminDouble) -> None:
    admin.answers[USAGE] = [page(usage_row(1), following="p2"), page(following="p3"), page(usage_row(2, None))]
    admin.answers[COST] = [page(cost_row("12.345"), following="p2"), page(cost_row("0.0001", None))]
    report = await admin.client.report(first=DAY, last=DAY)
    assert report.usage == (UsageFacts("apikey_1", DAY, 1, 1), UsageFacts("", DAY, 1, 2))
    assert report.costs == (CostFacts("apikey_1", DAY, 123_450_000), CostFacts("", DAY, 1_000))
    assert [request.query.get("page") for request in admin.asked] == [None, "p2", "p3", None, "p2"]


async def test_a_report_is_as_complete_as_its_least_complete_page(admin: AdminDouble) -> None:
    admin.answers[USAGE] = page(refreshed="2026-11-28T11:55:00Z")
    admin.answers[COST] = page(refreshed="2026-11-28T11:50:00Z")
    report = await admin.client.report(first=DAY, last=DAY)
    assert str(report.complete_until) == "2026-11-28 11:50:00+00:00"


async def test_where_the_newer_reports_are_missing_empty_buckets_of_the_classic_one_are_nothing(
    admin: AdminDouble,
) -> None:
    empty = {"starting_at": "2026-11-26T00:00:00Z", "results": []}
    full = {"starting_at": "2026-11-27T00:00:00Z", "results": [{"api_key_id": None, "output_tokens": 7}]}
    admin.answers[CLASSIC] = [page(empty, following="p2"), page(full)]
    report = await admin.client.report(first=DAY, last=DAY)
    assert (report.usage, report.costs) == ((UsageFacts("", DAY, output_tokens=7),), None)


async def test_pages_without_an_end_are_given_up(admin: AdminDouble, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("quota.organizations.client.PAGES_MAX", 3)
    admin.answers[USAGE] = page(following="again")
    with pytest.raises(AdminAnswerOdd, match="more than 3 pages"):
        await admin.client.report(first=DAY, last=DAY)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (web.Response(status=401), AdminKeyRefused),
        (web.Response(status=403), AdminKeyRefused),
        (web.Response(status=302, headers={"Location": "http://127.0.0.1:9/"}), AdminUnreachable),
        (web.Response(status=500), AdminUnreachable),
        (web.Response(text="<html>"), AdminAnswerOdd),
        ([["no", "object"]], AdminAnswerOdd),
        ({"id": 1, "name": "x"}, AdminAnswerOdd),
    ],
)
async def test_an_answer_that_is_none_is_refused_by_name_and_never_quotes_the_key(
    answer: Any, error: type[AdminApiError], admin: AdminDouble
) -> None:
    admin.answers["/v1/organizations/me"] = answer
    with pytest.raises(error) as caught:
        await admin.client.organization()
    assert KEY not in f"{caught.value!r} {caught.value.__cause__!r}"


@pytest.mark.parametrize(("header", "seconds"), [("7", 7.0), ("1.5", 1.5), ("Sat, 28 Nov 2026 12:00:00 GMT", None)])
async def test_a_throttle_says_how_long(header: str, seconds: float | None, admin: AdminDouble) -> None:
    admin.answers["/v1/organizations/me"] = web.Response(status=429, headers={"retry-after": header})
    with pytest.raises(AdminThrottled) as caught:
        await admin.client.organization()
    assert caught.value.retry_after == seconds


async def test_silence_ends() -> None:
    async with admin_double(deadline=0.02) as admin:
        admin.answers["/v1/organizations/me"] = SILENCE
        with pytest.raises(AdminUnreachable, match="TimeoutError"):
            await admin.client.organization()
