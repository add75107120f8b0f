"""A real Chromium, a signed-in administrator, and the Procfile's web process over a simulated pool."""

import os
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from playwright.async_api import Browser, Page, ViewportSize, async_playwright
from pytest_django.fixtures import Settings

from accounts.models import Pool
from simulator.testing import RunningSimulator, running_simulator
from tests.journeys.pool import world_of
from tests.journeys.processes import Web, pool_of, web, worker
from tests.nubabel.test_serve import free_port

PASSWORD = "correct horse battery staple"
WIDE = ViewportSize(width=1360, height=900)
NARROW = ViewportSize(width=400, height=860)
SHOTS = Path(os.environ.get("SCREENSHOTS", "screenshots"))


@dataclass
class Stage:
    """Everything a browser test needs. `complaints` are what the page's console said that it should not."""

    browser: Browser
    simulator: RunningSimulator
    pool: Pool
    key: str
    port: int
    complaints: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def serve(self) -> AbstractAsyncContextManager[Web]:
        """Start the web process, at the same address each time."""
        return web(self.simulator, self.key, PORT=str(self.port))

    def write_down(self) -> AbstractAsyncContextManager[object]:
        """Start a worker, so that what is served reaches the ledger."""
        return worker(self.simulator)

    @asynccontextmanager
    async def page(self) -> AsyncIterator[Page]:
        """A page of somebody who has signed in by the form."""
        context = await self.browser.new_context(viewport=WIDE, base_url=self.url)
        page = await context.new_page()
        page.on("console", lambda said: self._listen(said.type, said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        await page.goto("/admin/login/?next=/admin/live/")
        await page.get_by_label("Username").fill("ada")
        await page.get_by_label("Password").fill(PASSWORD)
        await page.keyboard.press("Enter")
        await page.wait_for_url(f"{self.url}/admin/live/")
        try:
            yield page
        finally:
            await context.close()

    def _listen(self, kind: str, text: str) -> None:
        # A server that is away is what one test is about; the browser writes that down in any case.
        if kind in {"error", "warning"} and "WebSocket connection" not in text:
            self.complaints.append(text)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    program = shutil.which("chromium")
    assert program, "Chromium is needed. On Debian and Ubuntu: apt-get install chromium"
    async with async_playwright() as playwright:
        found = await playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield found
        await found.close()


MakeStage = Callable[..., Awaitable[Stage]]


@pytest.fixture
async def make_stage(browser: Browser, settings: Settings) -> AsyncIterator[MakeStage]:
    """Make a stage with accounts of these names."""
    async with running_simulator(world_of()) as simulator:
        settings.ALLOWED_BASE_URLS = (simulator.url,)
        settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]  # the web process checks it

        async def make(*names: str) -> Stage:
            for name in names:
                simulator.world.add_account(name)
            pool, key = await sync_to_async(pool_of)(simulator)
            await sync_to_async(User.objects.create_superuser)("ada", password=PASSWORD)
            return Stage(browser, simulator, pool, key, free_port())

        yield make


async def shoot(page: Page, name: str) -> None:
    """Keep a picture, for people to look at."""
    await page.screenshot(path=SHOTS / f"{name}.png")
