"""One result for each thing looked at, in order: ready, the smoke test's steps, the browser's journeys."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus

import aiohttp

from nubabel.smoke.running import Mark, Result, look_at
from qa.browser import journeys
from qa.config import Config
from qa.trust import trust

LOOK_EVERY = 1.0
Tell = Callable[[Result], None]
Journeys = Callable[[Config], list[Result]]


async def ask(config: Config, *, tell: Tell, walk: Journeys = journeys) -> list[Result]:
    """Everything there is to look at. What is not ready is not looked at further."""
    results: list[Result] = []

    def hear(result: Result) -> None:
        results.append(result)
        tell(result)

    hear(await ready(config))
    if results[0].mark is Mark.GOOD:
        await look_at(
            config.base_url, key=config.key, model=config.model, patience=30.0, tell=hear, trust=trust(config.ca_file)
        )
        for result in await asyncio.to_thread(walk, config):
            hear(result)
    return results


async def ready(config: Config) -> Result:
    """Wait until the deployment can serve, for so long as is configured."""
    began = time.monotonic()
    connector = aiohttp.TCPConnector(ssl=trust(config.ca_file))
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(10)) as http:
        said = "nobody answers"
        while True:
            with suppress(aiohttp.ClientError, TimeoutError):
                async with http.get(f"{config.base_url}/health/ready") as answer:
                    if answer.status == HTTPStatus.OK:
                        took = time.monotonic() - began
                        return Result("health", Mark.GOOD, f"ready after {took:.0f} s", took)
                    said = f"/health/ready answers {answer.status}"
            if (took := time.monotonic() - began) >= config.wait:
                return Result("health", Mark.BAD, f"{said}, still after {took:.0f} s", took)
            await asyncio.sleep(min(LOOK_EVERY, config.wait))
