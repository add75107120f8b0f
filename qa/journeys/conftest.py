"""A real Chromium in front of a deployment, one person who signs in once, and an access key for what is cleaned up."""

import base64
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from playwright.async_api import Browser, BrowserContext, Page, Playwright, ViewportSize, async_playwright

from qa.journeys.deployment import PATIENT, Deployment, named
from qa.trust import trust

WIDE = ViewportSize(width=1360, height=900)


@pytest.fixture(scope="session")
def deployment() -> Deployment:
    return named()


@pytest.fixture(autouse=True)
def _no_complaints(deployment: Deployment) -> Iterator[None]:
    deployment.complaints.clear()
    yield
    assert deployment.complaints == []


@pytest.fixture(scope="session")
async def playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as running:
        yield running


@pytest.fixture(scope="session")
async def browser(playwright: Playwright) -> AsyncIterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    assert program, "Chromium is needed. On Debian and Ubuntu: apt-get install chromium"
    options = ["--no-sandbox", "--disable-gpu", *_trusted(os.environ.get("QA_CA_FILE", ""))]
    found = await playwright.chromium.launch(executable_path=program, args=options)
    yield found
    await found.close()


def _trusted(ca_file: str) -> list[str]:
    """Chromium reads no file of authorities; it can be told which keys to believe."""
    if not ca_file:
        return []
    found = x509.load_pem_x509_certificates(Path(ca_file).read_bytes())
    keys = [one.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) for one in found]
    pins = (base64.b64encode(hashlib.sha256(key).digest()).decode() for key in keys)
    return [f"--ignore-certificate-errors-spki-list={','.join(pins)}"]


@asynccontextmanager
async def opened(deployment: Deployment, context: BrowserContext) -> AsyncIterator[Page]:
    page = await context.new_page()
    page.set_default_timeout(PATIENT)
    deployment.listen(page)
    try:
        yield page
    finally:
        await page.close()


@pytest.fixture
async def stranger(browser: Browser, deployment: Deployment) -> AsyncIterator[Page]:
    """A page of somebody who has not signed in."""
    context = await browser.new_context(base_url=deployment.url)
    async with opened(deployment, context) as page:
        yield page
    await context.close()


@pytest.fixture(scope="session")
async def signed_in(browser: Browser, deployment: Deployment) -> AsyncIterator[BrowserContext]:
    """Signed in by the form, once; signed out at the end, so that no session is left."""
    context: Any = await browser.new_context(base_url=deployment.url, viewport=WIDE)
    page = await context.new_page()
    await page.goto("/admin/login/")
    await page.get_by_label("Username").fill(deployment.username)
    await page.get_by_label("Password").fill(deployment.password)
    await page.keyboard.press("Enter")
    await page.wait_for_url(f"{deployment.url}/admin/", timeout=PATIENT)
    await page.close()
    yield context
    page = await context.new_page()
    await page.goto("/admin/")
    await page.locator("#logout-form").evaluate("form => form.submit()")
    await page.wait_for_url("**/logout/", timeout=PATIENT)
    await context.close()


@pytest.fixture
async def page(signed_in: BrowserContext, deployment: Deployment) -> AsyncIterator[Page]:
    """A page of somebody who has signed in."""
    async with opened(deployment, signed_in) as it:
        yield it


@pytest.fixture
async def api(deployment: Deployment) -> AsyncIterator[aiohttp.ClientSession]:
    """Asks with the access key."""
    connector = aiohttp.TCPConnector(ssl=trust(os.environ["QA_CA_FILE"]))
    async with aiohttp.ClientSession(deployment.url, connector=connector, headers=deployment.headers) as session:
        yield session
