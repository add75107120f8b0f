"""An administrator's day in a real browser: an account from its key to its last figure, and a client's key."""

import asyncio
import csv
import io
import time

import pytest
from asgiref.sync import sync_to_async
from playwright.async_api import Page, expect

from accounts.models import Pool
from quota.models import Activity, Attempt
from tests.browser.conftest import MakeStage, Stage, shoot
from tests.browser.live_page import PATIENT, ask, card, chip, fact
from tests.journeys.processes import MESSAGE, PATIENCE, Web

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]
ACCOUNTS = "/admin/accounts/claudeaccount/"
KEYS = "/admin/accounts/accesskey/"
OPEN_SECONDS = 12
EFFECTIVE_WITHIN = 1.0
"""Seconds: what the page promises of a revocation."""


def tried_first_and_soon_open(pool: Pool) -> None:
    Pool.objects.filter(pk=pool.pk).update(
        strategy="priority", breaker_threshold=2, breaker_open_seconds=OPEN_SECONDS, affinity=False
    )


async def test_an_account_from_its_key_to_its_last_figure(make_stage: MakeStage) -> None:
    stage = await make_stage("alpha", "beta")
    await sync_to_async(tried_first_and_soon_open)(stage.pool)
    stage.simulator.world.add_account("delta")
    async with stage.serve() as web, stage.write_down(), stage.page() as page:
        page.set_default_timeout(PATIENT)
        expect.set_options(timeout=PATIENT)
        await it_is_added(stage, page)
        await it_goes_first(page)
        await it_serves(page, web)
        await it_breaks_and_recovers(stage, page, web)
        await it_breaks_and_is_reset(stage, page, web)
        await it_is_disabled(page)
        await its_usage_is_read(page)
        await the_log_tells_its_story(page)
        await the_first_page_tells_of_it(page)
    assert stage.complaints == []


async def it_is_added(stage: Stage, page: Page) -> None:
    key = stage.simulator.key("delta")
    await page.goto(f"{ACCOUNTS}add/")
    await page.get_by_label("Pool").select_option(label="demo (simulated)")
    await page.get_by_label("Name").fill("delta")
    await page.get_by_label("API key").fill(key)
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("delta: The key works.")).to_be_visible()
    await expect(page.locator("#result_list")).to_contain_text("delta")
    assert key not in await page.content()


async def it_goes_first(page: Page) -> None:
    row = page.locator("#result_list tbody tr").filter(has_text="delta")
    await expect(page.locator("#result_list thead")).to_contain_text("lower is tried first")
    await row.locator('input[name$="-priority"]').fill("1")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.locator("#result_list tbody tr").filter(has_text="delta")).to_contain_text("next")
    await shoot(page, "journey-accounts")


async def it_serves(page: Page, web: Web) -> None:
    await page.goto("/admin/live/")
    await expect(chip(page, "delta")).to_have_text("serving")
    await ask(web, 3)
    await expect(fact(page, "delta", "requests")).to_have_text("3")


async def it_breaks_and_recovers(stage: Stage, page: Page, web: Web) -> None:
    stage.simulator.world.fault("internal", account="delta", times=2)
    await ask(web, 2)
    await expect(chip(page, "delta")).to_contain_text("breaker open, back in 0:")
    shown = await chip(page, "delta").inner_text()
    await expect(chip(page, "delta")).not_to_have_text(shown)
    await expect(chip(page, "delta")).to_have_text("half-open")
    await ask(web)
    await expect(chip(page, "delta")).to_have_text("serving")
    await expect(page.locator("#live-feed")).to_contain_text("delta: breaker closed, it serves again")


async def it_breaks_and_is_reset(stage: Stage, page: Page, web: Web) -> None:
    """For longer this time, as the pool's page is told: nobody waits for it to come back by itself."""
    await page.goto(f"/admin/accounts/pool/{stage.pool.pk}/change/")
    await page.get_by_label("Set aside for (seconds)").fill("300")
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("was changed successfully")).to_be_visible()
    stage.simulator.world.fault("internal", account="delta", times=2)
    await ask(web, 2)
    await to_its_page(page)
    await expect(page.locator(".nb-panel .nb-chip")).to_contain_text("breaker open, back in")
    await shoot(page, "journey-account")
    await page.get_by_role("button", name="Reset circuit").click()
    await expect(page.locator(".nb-panel .nb-chip")).to_have_text("serving")
    await expect(page.get_by_text("delta: circuit reset")).to_be_visible()


async def to_its_page(page: Page) -> None:
    await page.goto(ACCOUNTS)
    await page.locator("#result_list").get_by_role("link", name="delta").first.click()
    await expect(page.locator(".nb-panel")).to_be_visible()


async def it_is_disabled(page: Page) -> None:
    await page.get_by_role("button", name="Disable", exact=True).click()
    await expect(page.locator(".nb-panel .nb-chip")).to_have_text("disabled")
    await page.goto("/admin/live/")
    await expect(chip(page, "delta")).to_have_text("disabled")
    await expect(card(page, "delta").locator(".nb-why")).to_have_text("by ada")
    await expect(page.locator("#live-line")).to_contain_text("2 of 3 accounts serving")


async def written(calls: int) -> None:
    """Until the ledger has them."""
    async with asyncio.timeout(PATIENCE):
        while await Attempt.objects.filter(account__name="delta").acount() < calls:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.05)


async def its_usage_is_read(page: Page) -> None:
    """Four answers and four failures."""
    await written(8)
    await to_its_page(page)
    await page.locator(".nb-panel").get_by_role("link", name="Usage", exact=True).click()
    await expect(page.get_by_role("heading", name="Usage of delta")).to_be_visible()
    await expect(page.get_by_role("img", name="requests: 8 in 24 steps")).to_be_visible()
    await shoot(page, "journey-usage")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Download CSV").click()
    rows = list(csv.DictReader(io.StringIO((await (await download.value).path()).read_text())))
    assert sum(int(row["requests"]) for row in rows) == 8
    assert sum(int(row["failures"]) for row in rows) == 4


async def the_log_tells_its_story(page: Page) -> None:
    """A request that failed over says so, call by call."""
    activity = await Activity.objects.filter(attempts=2).order_by("started_at").afirst()
    assert activity is not None
    await page.goto(f"/admin/quota/activity/{activity.pk}/change/")
    story = page.locator(".field-shown_decision, .field-decision, #content").first
    await expect(story).to_contain_text("attempt 1: account delta")
    await expect(story).to_contain_text("attempt 2: account")
    await shoot(page, "journey-request")


async def the_first_page_tells_of_it(page: Page) -> None:
    await page.goto("/admin/")
    events = page.get_by_role("region", name="Latest events")
    await expect(events).to_contain_text("delta: breaker closed by ada, it serves again")
    await expect(page.get_by_role("region", name="Errors by kind")).to_contain_text("server_error")
    await shoot(page, "journey-dashboard")


async def test_an_access_key_is_shown_once_used_and_revoked(make_stage: MakeStage) -> None:
    stage = await make_stage("alpha")
    async with stage.serve() as web, stage.page() as page:
        page.set_default_timeout(PATIENT)
        expect.set_options(timeout=PATIENT)
        key = await a_key_is_made(page)
        assert await answered(web, key) == 200
        await it_is_never_shown_again(page, key)
        await it_is_revoked(page)
        await it_is_refused_within_a_second(web, key)
    assert stage.complaints == []


async def a_key_is_made(page: Page) -> str:
    await page.goto(f"{KEYS}add/")
    await page.get_by_label("Name").fill("reporting job")
    await page.get_by_label("messages: send requests to Claude through the pool").check()
    await page.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("Copy it now")).to_be_visible()
    await shoot(page, "journey-key")
    return await page.locator("#access-key").inner_text()


async def answered(web: Web, key: str) -> int:
    headers = {"x-api-key": key, "anthropic-version": "2023-06-01"}
    async with web.http.post(f"{web.url}/v1/messages", json=MESSAGE, headers=headers) as answer:
        return answer.status


async def it_is_never_shown_again(page: Page, key: str) -> None:
    await page.goto(KEYS)
    await expect(page.locator("#result_list")).to_contain_text("reporting job")
    assert key not in await page.content()
    await page.get_by_role("link", name="reporting job").first.click()
    await expect(page.get_by_text("Requests today (UTC)")).to_be_visible()
    assert key not in await page.content()


async def it_is_revoked(page: Page) -> None:
    await page.goto(KEYS)
    await page.locator("#result_list tbody tr").filter(has_text="reporting job").locator(".action-select").check()
    await page.locator('select[name="action"]').select_option(label="Revoke the selected keys, for good")
    await page.get_by_role("button", name="Run").click()
    await expect(page.get_by_text("1 revoked, effective within a second.")).to_be_visible()


async def it_is_refused_within_a_second(web: Web, key: str) -> None:
    """No request sent later than that after the revocation is answered, however slow this machine is."""
    revoked, last_answered = time.monotonic(), 0.0
    async with asyncio.timeout(PATIENCE):
        while True:
            sent = time.monotonic()
            if await answered(web, key) == 401:
                break
            last_answered = sent
    assert last_answered <= revoked + EFFECTIVE_WITHIN


PAGES = (
    "/admin/",
    ACCOUNTS,
    f"{ACCOUNTS}add/",
    "/admin/accounts/pool/",
    "/admin/accounts/pool/add/",
    KEYS,
    f"{KEYS}add/",
    "/admin/quota/organization/",
    "/admin/quota/organization/add/",
    "/admin/quota/quotaalert/?state=all",
    "/admin/quota/activity/",
    "/admin/quota/attempt/",
    "/admin/quota/usagerollup/",
    "/admin/quota/sessionrollup/",
    "/admin/notifications/letter/",
    "/admin/notifications/sinkstate/",
    "/admin/accounts/auditentry/",
    "/admin/quota/setaside/",
    "/admin/live/",
    "/admin/setup/",
)
NAMELESS = """() => [...document.querySelectorAll("main input, main select, main textarea, main button, main a[href]")]
    .filter((one) => one.checkVisibility() && one.type !== "hidden")
    .filter((one) => !(one.labels?.length || one.textContent.trim() || one.ariaLabel || one.title || one.placeholder
        || one.getAttribute("aria-labelledby") || one.value && one.type === "submit"))
    .map((one) => one.outerHTML.slice(0, 200))"""


async def test_every_page_fits_a_telephone_and_names_its_controls(make_stage: MakeStage) -> None:
    stage = await make_stage("alpha", "beta")
    async with stage.serve() as web, stage.page() as page:
        await ask(web)
        found = []
        for width in (390, 1360):
            await page.set_viewport_size({"width": width, "height": 860})
            for address in PAGES:
                await page.goto(address)
                if await page.evaluate("document.documentElement.scrollWidth > innerWidth"):
                    found.append(f"{address} is wider than {width} px")
                found += [f"{address}: nobody says what this is: {one}" for one in await page.evaluate(NAMELESS)]
        assert found == []
    assert stage.complaints == []
