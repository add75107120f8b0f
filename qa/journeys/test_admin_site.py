"""What a person does in a deployment's admin site. A journey leaves nothing behind but the records of its requests."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from playwright.async_api import Page, expect

from qa.journeys.deployment import PATIENT, Deployment

NARROW = 400
ACCOUNTS = "/api/admin/accounts/"


async def sent(api: aiohttp.ClientSession, deployment: Deployment) -> str:
    """One message through the pool; the id of its record."""
    body = {"model": deployment.model, "max_tokens": 16, "messages": [{"role": "user", "content": "Say: ready"}]}
    async with api.post("/v1/messages", json=body) as answer:
        assert answer.status == 200, await answer.text()
        return answer.headers["nubabel-activity"]


async def recorded(api: aiohttp.ClientSession, activity: str) -> dict[str, Any]:
    """The record, as soon as a worker has written it. The journey's own deadline ends this wait."""
    while True:
        async with api.get(f"/api/admin/activities/{activity}/") as answer:
            if answer.status == 200 and (shown := await answer.json())["status"] == "completed":
                return dict(shown)
        await asyncio.sleep(0.5)


async def test_a_stranger_sees_nothing_but_the_log_in(stranger: Page, deployment: Deployment) -> None:
    await stranger.goto("/admin/accounts/claudeaccount/")
    assert stranger.url.startswith(f"{deployment.url}/admin/login/")
    await expect(stranger.get_by_label("Username")).to_be_visible()
    await deployment.shoot(stranger, "log-in")


async def test_the_dashboard_says_how_the_pools_stand(page: Page, deployment: Deployment) -> None:
    await page.goto("/admin/")
    await expect(
        page.get_by_role("heading", name="Dashboard").or_(page.locator(".nb-chip").first).first
    ).to_be_visible()
    await deployment.shoot(page, "dashboard")


async def test_every_page_of_the_menu_opens(page: Page) -> None:
    await page.goto("/admin/")
    links = await page.locator("#nav-sidebar a[href^='/admin/']").evaluate_all("all => all.map(a => a.pathname)")
    assert len(set(links)) > 5
    answers = {link: await page.goto(link) for link in sorted(set(links))}
    assert {link: answer.status for link, answer in answers.items() if answer and answer.status != 200} == {}


async def test_a_request_is_seen_live_as_it_happens(
    page: Page, api: aiohttp.ClientSession, deployment: Deployment
) -> None:
    await page.goto("/admin/live/")
    await expect(page.locator("#live-state")).to_have_text("Live")
    told = await page.locator("#live-feed li").count()
    await sent(api, deployment)
    await expect(page.locator("#live-feed li").nth(told)).to_be_attached(timeout=PATIENT)
    await expect(page.locator("#live-feed")).to_contain_text("answered in", timeout=PATIENT)
    await deployment.shoot(page, "live")


async def test_a_request_keeps_what_was_decided_for_it(
    page: Page, api: aiohttp.ClientSession, deployment: Deployment
) -> None:
    activity = await sent(api, deployment)
    shown = await recorded(api, activity)
    await page.goto(f"/admin/quota/activity/{activity}/change/")
    await expect(page.get_by_text(shown["account_name"]).first).to_be_visible()
    await expect(page.get_by_text(shown["model"]).first).to_be_visible()
    await deployment.shoot(page, "request")


@asynccontextmanager
async def surely_deleted(api: aiohttp.ClientSession, name: str) -> AsyncIterator[None]:
    """Whatever happens meanwhile, no account of that name is left."""
    try:
        yield
    finally:
        async with api.get(ACCOUNTS, params={"search": name}) as answer:
            left = (await answer.json())["results"]
        for row in left:
            async with api.delete(f"{ACCOUNTS}{row['id']}/") as gone:
                assert gone.status == 204


async def test_an_account_is_made_and_deleted_by_hand(
    page: Page, api: aiohttp.ClientSession, deployment: Deployment
) -> None:
    name = f"qa-{secrets.token_hex(4)}"
    async with surely_deleted(api, name):
        await it_is_made(page, name)
        await deployment.shoot(page, "account")
        await it_is_deleted(page, name)
        async with api.get(ACCOUNTS, params={"search": name}) as answer:
            assert (await answer.json())["results"] == []


async def it_is_made(page: Page, name: str) -> None:
    """Switched off, and with a key that is good for nothing and not tried."""
    await page.goto("/admin/accounts/claudeaccount/add/")
    await page.locator("#id_pool").select_option(index=1)
    await page.locator("#id_name").fill(name)
    await page.locator("#id_new_key").fill(f"sk-ant-api03-qa-{secrets.token_hex(40)}")
    for switch in ("#id_enabled", "#id_test_key"):
        await page.locator(switch).uncheck(force=True)
    await page.locator("[name=_continue]").click()
    await expect(page.locator("#id_name")).to_have_value(name)


async def it_is_deleted(page: Page, name: str) -> None:
    await page.get_by_role("link", name="Delete").first.click()
    await expect(page.locator("body")).to_contain_text(name)
    await page.locator("form [type=submit]").last.click()
    await page.wait_for_url("**/admin/accounts/claudeaccount/**")


@pytest.mark.parametrize("where", ["/admin/", "/admin/live/", "/admin/accounts/claudeaccount/"])
async def test_it_can_be_read_on_a_telephone(page: Page, deployment: Deployment, where: str) -> None:
    await page.set_viewport_size({"width": NARROW, "height": 860})
    await page.goto(where)
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    if where == "/admin/":
        await deployment.shoot(page, "narrow")
