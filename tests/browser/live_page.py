"""What tests look for on the live view, and how they send requests."""

from playwright.async_api import Locator, Page

from tests.journeys.processes import Web

PATIENT = 60_000
"""Milliseconds; a laden machine is slow."""


def card(page: Page, name: str) -> Locator:
    return page.locator(".nb-card").filter(has=page.get_by_role("heading", name=name, exact=True))


def chip(page: Page, name: str) -> Locator:
    return card(page, name).locator(".nb-chip")


def fact(page: Page, name: str, which: str) -> Locator:
    return card(page, name).locator(f'[data-fact="{which}"]')


async def ask(web: Web, times: int = 1) -> None:
    for _ in range(times):
        async with web.post(stream=False) as answer:
            assert answer.status == 200
