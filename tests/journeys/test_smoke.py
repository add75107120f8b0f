"""The smoke test against the real thing: a web process as the Procfile starts it, and a worker."""

import asyncio

import pytest
from asgiref.sync import sync_to_async
from pytest_django.fixtures import Settings

from accounts.access import issue_access_key
from accounts.scopes import Scope
from nubabel.smoke.running import Mark, Result, look_at
from quota.running import running_worker
from simulator.testing import running_simulator
from tests.journeys.pool import world_of
from tests.journeys.processes import pool_of, web

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]


async def test_a_real_deployment_is_found_whole(settings: Settings) -> None:
    async with running_simulator(world_of("alpha", "beta")) as simulator:
        settings.ALLOWED_BASE_URLS = (simulator.url,)
        pool, _ = await sync_to_async(pool_of)(simulator)
        key, _ = await sync_to_async(issue_access_key)(name="smoke", scopes=list(Scope), pool=pool)
        settings.SLACK_WEBHOOK_URL = f"{simulator.url}/slack/services/T1/B1/secret"  # the worker's; below, the web's
        async with web(simulator, key, UNREADY_SECONDS="0", SLACK_WEBHOOK_URL=settings.SLACK_WEBHOOK_URL) as server:
            results = await _looked_at(server.url, key)
        told = [str(message.payload) for message in simulator.world.slack.messages]
    assert {result.mark for result in results} == {Mark.GOOD}, [result.line() for result in results]
    assert any("activity" in message for message in told)


async def _looked_at(url: str, key: str) -> list[Result]:
    results: list[Result] = []
    stop = asyncio.Event()
    async with running_worker() as worker:
        working = asyncio.create_task(worker.run(stop))
        await look_at(url, key=key, model="claude-haiku-4-5", patience=15.0, tell=results.append)
        stop.set()
        await working
    return results
