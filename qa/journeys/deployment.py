"""What the journeys know of the deployment they walk through."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from playwright.async_api import Page

PATIENT: Final = 30_000
"""Milliseconds that something on a page may take."""


@dataclass
class Deployment:
    """Where it is, who asks, and what its pages complained of."""

    url: str
    username: str
    password: str = field(repr=False)
    key: str = field(repr=False)
    model: str
    screenshots: Path
    complaints: list[str] = field(default_factory=list)

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.key}", "anthropic-version": "2023-06-01"}

    async def shoot(self, page: Page, name: str) -> None:
        """Keep a picture; its name is told to Slack."""
        await page.screenshot(path=self.screenshots / f"qa-{name}.png")

    def listen(self, page: Page) -> None:
        """Whatever a page's console says that it should not, fails the journey."""
        page.on("console", lambda said: self._hear(said.type, said.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def _hear(self, kind: str, text: str) -> None:
        if kind in {"error", "warning"}:
            self.complaints.append(text)


def named() -> Deployment:
    """The one that the environment names."""
    said = os.environ
    return Deployment(
        url=said["BASE_URL"],
        username=said["QA_USERNAME"],
        password=said["QA_PASSWORD"],
        key=said["SMOKE_TEST_ACCESS_KEY"],
        model=said["QA_MODEL"],
        screenshots=Path(said["SCREENSHOTS"]),
    )
