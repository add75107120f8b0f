"""The live view in a real browser, over the whole product and a simulated Claude."""

import asyncio
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from playwright.async_api import Page, expect

from accounts.models import Pool
from quota import times
from quota.engine.facade import open_engine
from tests.browser.conftest import NARROW, WIDE, MakeStage, Stage, shoot
from tests.browser.live_page import PATIENT, ask, card, chip, fact
from tests.journeys.processes import Web

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(300)]
OPEN_SECONDS = 12


def first_alpha_then_others(pool: Pool) -> None:
    """Alpha is asked first, and two failures set it aside for some seconds. So few a day make bars to look at."""
    pool.accounts.update(limit_requests_day=12, limit_requests_month=None)
    Pool.objects.filter(pk=pool.pk).update(
        strategy="priority", breaker_threshold=2, breaker_open_seconds=OPEN_SECONDS, affinity=False
    )
    pool.accounts.filter(name="alpha").update(priority=1)
    pool.accounts.filter(name="beta").update(priority=2)


async def to_dark(page: Page) -> None:
    await page.evaluate("document.documentElement.classList.add('dark')")


async def test_an_account_breaks_and_recovers_before_ones_eyes(make_stage: MakeStage) -> None:
    stage = await make_stage("alpha", "beta", "gamma")
    await sync_to_async(first_alpha_then_others)(stage.pool)
    async with stage.serve() as web, stage.page() as page:
        await it_serves(page, web)
        await it_breaks(stage, page, web)
        await it_recovers(page, web)
    assert stage.complaints == []


async def it_serves(page: Page, web: Web) -> None:
    await expect(page.locator("#live-state")).to_have_text("Live", timeout=PATIENT)
    await expect(page.locator(".nb-card")).to_have_count(3)
    await ask(web, 3)
    await expect(fact(page, "alpha", "requests")).to_have_text("3", timeout=PATIENT)
    await expect(page.locator("#live-line")).to_contain_text("3 of 3 accounts serving")
    await expect(page.locator("#live-feed")).to_contain_text("alpha answered in")


async def it_breaks(stage: Stage, page: Page, web: Web) -> None:
    stage.simulator.world.fault("internal", account="alpha", times=2)
    await ask(web, 2)
    await expect(chip(page, "alpha")).to_contain_text("breaker open, back in 0:", timeout=PATIENT)
    await expect(card(page, "alpha").locator(".nb-why")).to_have_text("http 500 api_error")
    await expect(page.locator("#live-feed")).to_contain_text("alpha: breaker opened (http 500 api_error)")
    await expect(page.locator("#live-line")).to_contain_text("2 of 3 accounts serving")
    await shoot(page, "live-light")
    shown = await chip(page, "alpha").inner_text()
    await expect(chip(page, "alpha")).not_to_have_text(shown, timeout=5_000)  # it counts down by itself
    await expect(fact(page, "beta", "requests")).to_have_text("2")


async def it_recovers(page: Page, web: Web) -> None:
    await expect(chip(page, "alpha")).to_have_text("half-open", timeout=PATIENT)
    await ask(web)
    await expect(chip(page, "alpha")).to_have_text("serving", timeout=PATIENT)
    await expect(page.locator("#live-feed")).to_contain_text("alpha: breaker closed, it serves again")


async def forced_open(stage: Stage, name: str) -> None:
    account = await stage.pool.accounts.aget(name=name)
    engine = open_engine(settings.REDIS_URL, deadline=5)
    await engine.force_open(str(stage.pool.pk), str(account.pk), actor="ada", why="maintenance")
    await engine.close()


async def test_a_page_whose_server_dies_says_so_and_catches_up_when_it_is_back(make_stage: MakeStage) -> None:
    stage = await make_stage("alpha", "beta")
    async with stage.serve() as web, stage.page() as page:
        await expect(page.locator("#live-state")).to_have_text("Live", timeout=PATIENT)
        await ask(web, 2)
        await expect(page.locator("#live-feed li")).to_have_count(2, timeout=PATIENT)
        web.process.kill()
        await expect(page.locator("#live-state")).to_contain_text("Disconnected since", timeout=PATIENT)
        await shoot(page, "live-disconnected")
        await forced_open(stage, "beta")
        async with stage.serve():
            await expect(page.locator("#live-state")).to_have_text("Live", timeout=PATIENT)
            await expect(chip(page, "beta")).to_have_text("breaker forced open", timeout=PATIENT)
            await expect(page.locator("#live-feed")).to_contain_text("beta: breaker forced open by ada (maintenance)")
            await expect(page.locator("#live-feed li")).to_have_count(3)
    assert stage.complaints == []


COUNT_TOUCHED = """() => {
    window.touched = new Set();
    new MutationObserver((changes) => {
        for (const { target } of changes) {
            const card = (target.nodeType === 1 ? target : target.parentElement).closest(".nb-card");
            if (card) window.touched.add(card.querySelector("h3").textContent);
        }
    }).observe(
        document.getElementById("live-cards"), { subtree: true, childList: true, characterData: true, attributes: true }
    );
}"""


async def test_of_two_hundred_accounts_only_those_that_changed_are_touched(make_stage: MakeStage) -> None:
    stage = await make_stage(*(f"account-{number:03}" for number in range(200)))
    await sync_to_async(Pool.objects.filter(pk=stage.pool.pk).update)(strategy="priority", affinity=False)
    await sync_to_async(stage.pool.accounts.filter(name="account-150").update)(priority=1)
    async with stage.serve() as web, stage.page() as page:
        await expect(page.locator(".nb-card")).to_have_count(200, timeout=PATIENT)
        await page.evaluate(COUNT_TOUCHED)
        await ask(web, 3)
        await expect(fact(page, "account-150", "requests")).to_have_text("3", timeout=PATIENT)
        assert await page.evaluate("[...window.touched]") == ["account-150"]
        await page.get_by_label("Find an account").fill("account-19")
        await expect(page.locator(".nb-card:visible")).to_have_count(10)
    assert stage.complaints == []


async def test_it_can_be_read_by_ear_in_the_dark_and_on_a_telephone(make_stage: MakeStage) -> None:
    stage = await make_stage("alpha", "beta", "gamma")
    async with stage.serve() as web, stage.page() as page:
        await forced_open(stage, "gamma")
        await ask(web, 4)
        await expect(chip(page, "gamma")).to_have_text("breaker forced open", timeout=PATIENT)
        await it_can_be_heard(page)
        await to_dark(page)
        await shoot(page, "live-dark")
        await page.set_viewport_size(NARROW)
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await shoot(page, "live-narrow")
        await page.set_viewport_size(WIDE)
    assert stage.complaints == []


async def it_can_be_heard(page: Page) -> None:
    """Roles and names, as a screen reader finds them."""
    await expect(page.get_by_role("article", name="alpha")).to_be_visible()
    await expect(page.get_by_role("log", name="Events UTC")).to_have_attribute("aria-live", "polite")
    await expect(page.get_by_role("status")).to_have_text("Live")
    meter = page.get_by_role("article", name="alpha").get_by_role("meter", name="requests per month")
    assert "of 1M" in str(await meter.get_attribute("aria-valuetext"))
    await by_keyboard(page)
    await page.get_by_label("only those in trouble").check()
    await expect(page.locator(".nb-card:visible")).to_have_count(1)
    await page.get_by_label("only those in trouble").uncheck()


IN_ORDER = ["live-find", "live-trouble", "live-which", "live-feed"]


async def by_keyboard(page: Page) -> None:
    """Tab goes through the controls in the order in which they are read, and one sees where it is."""
    await page.locator(f"#{IN_ORDER[0]}").focus()
    for name in IN_ORDER[1:]:
        await page.keyboard.press("Tab")
        assert await page.evaluate("document.activeElement.id") == name
        assert await page.evaluate("getComputedStyle(document.activeElement).outlineStyle") != "none"


SPANS = [-1, 0, 1, 6_001, 59_999, 60_000, 251_001, 3_599_001, 3_600_000, 18_720_000, 86_400_000, 200_000_001]
SPOKEN = """async (spans) => {
    const words = await import("/static/quota/live/words.js");
    return spans.map((span) => [words.clock(span), words.about(span)]);
}"""


async def test_the_browser_counts_down_in_the_servers_words(make_stage: MakeStage) -> None:
    stage = await make_stage("alpha")
    async with stage.serve(), stage.page() as page:
        assert await page.evaluate(SPOKEN, SPANS) == [[times.clock(span), times.about(span)] for span in SPANS]


async def test_whatever_an_account_is_called_is_text(make_stage: MakeStage) -> None:
    name = "<img src=x onerror=alert(1)>"
    stage = await make_stage("alpha")
    await sync_to_async(stage.pool.accounts.update)(name=name)
    dialogs: list[Any] = []
    async with stage.serve() as web, stage.page() as page:
        page.on("dialog", lambda dialog: dialogs.append(dialog))  # noqa: PLW0108 - playwright marks what it is given
        await ask(web)
        await expect(page.get_by_role("heading", name=name)).to_be_visible(timeout=PATIENT)
        await expect(page.locator("#live-feed")).to_contain_text(f"{name} answered in", timeout=PATIENT)
        await asyncio.sleep(0.1)
    assert (dialogs, stage.complaints) == ([], [])
