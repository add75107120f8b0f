"""A scrape of the real thing: two web processes behind one socket, a worker, requests that end well and badly."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from asgiref.sync import sync_to_async
from prometheus_client.parser import text_string_to_metric_families
from pytest_django.fixtures import Settings

from benchmarks.monitoring.expressions import expressions, names_in
from quota.running import running_worker
from simulator.clock import ManualClock
from simulator.testing import running_simulator
from tests.journeys.processes import PATIENCE, Web, pool_of, standing_world, web

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]
TOKEN = "scrape-" * 6
REQUESTS = 8

Scraped = dict[str, dict[tuple[str, ...], float]]


@dataclass
class Scene:
    """Two web processes and the clock of the accounts behind them."""

    web: Web
    clock: ManualClock

    async def scraped(self) -> Scraped:
        """Values by the labels' values, in the order of the labels' names."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with self.web.http.get(f"{self.web.url}/metrics", headers=headers) as answer:
            assert answer.status == 200, await answer.text()
            text = await answer.text()
        read: Scraped = {}
        for family in text_string_to_metric_families(text):
            read.setdefault(f"{family.name}_total" if family.type == "counter" else family.name, {})
            for sample in family.samples:
                read.setdefault(sample.name, {})[tuple(sample.labels.values())] = sample.value
        return read

    async def serve(self, count: int) -> None:
        """Let so many requests be answered."""
        for _ in range(count):
            async with self.web.post(stream=False) as answer:
                assert answer.status == 200, await answer.text()

    async def refuse(self) -> None:
        async with self.web.http.post(f"{self.web.url}/v1/messages", json={}) as answer:
            assert answer.status == 401


@pytest.fixture
async def scene(settings: Settings) -> AsyncIterator[Scene]:
    world, clock = standing_world()
    async with running_simulator(world) as simulator:
        settings.ALLOWED_BASE_URLS = (simulator.url,)
        _, key = await sync_to_async(pool_of)(simulator)
        async with web(simulator, key, WEB_CONCURRENCY="2", METRICS_TOKEN=TOKEN, UNREADY_SECONDS="0") as server:
            yield Scene(server, clock)


async def test_whichever_process_is_asked_it_tells_of_all_and_everything_that_alerts_and_dashboard_read(
    scene: Scene,
) -> None:
    await scene.serve(REQUESTS)
    async with running_worker() as worker:
        await worker.once()
    for scraped in [await scene.scraped() for _ in range(6)]:
        assert scraped["nubabel_requests_total"] == {("completed", "demo"): REQUESTS}
        assert scraped["nubabel_time_to_first_byte_seconds_count"] == {("demo",): REQUESTS}
        assert sum(scraped["nubabel_attempts_total"].values()) == REQUESTS
        assert sum(scraped["nubabel_cost_dollars_total"].values()) > 0
        assert scraped["nubabel_ledger_lag_entries"] == {("demo",): 0}
        assert scraped["nubabel_up"] == {("database",): 1, ("redis",): 1}
        assert {series for expression in expressions() for series in names_in(expression)} <= scraped.keys()


async def test_what_each_process_counts_for_itself_adds_up(scene: Scene) -> None:
    for _ in range(REQUESTS):
        await scene.refuse()
    want = {("401",): REQUESTS}
    async with asyncio.timeout(PATIENCE):
        while (scraped := await scene.scraped())["nubabel_refused_at_the_door_total"] != want:  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.1)
    assert scraped["nubabel_processes"] == {("web",): 2, ("worker",): 0}
