"""The campaign: callers, faults and a watchman at once, all bounded in number and in time."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from random import Random
from typing import Final

import aiohttp

from gateway.wire import Deadlines
from quota.engine.api import Engine
from quota.engine.types import Event, PoolSettings, Strategy
from tests.chaos.books import audit
from tests.chaos.broken import NOTHING, Break
from tests.chaos.caller import Answer, Asked, ask, requests
from tests.chaos.director import LANES, Director, endless
from tests.chaos.judging import Word, complaint
from tests.chaos.plan import Campaign, Plan
from tests.chaos.witness import WitnessWorld
from tests.journeys.pool import POOL
from tests.journeys.served import Served, served

_SETTINGS: Final = PoolSettings(version=1, strategy=Strategy.ROUND_ROBIN)
_WATCH_SECONDS: Final = 0.1
_QUEUE_MS: Final = 2_000
_DRAIN_SECONDS: Final = 5


Heard = Callable[[Engine], Awaitable[Sequence[Event]]]
"""How to read all events an engine has told."""
Progress = Callable[[Campaign], None]


async def run(plan: Plan, engine: Engine, heard: Heard, *, broken: Break = NOTHING, progress: Progress) -> Campaign:
    """Carry the plan out and audit the books."""
    world = WitnessWorld(seed=plan.seed)
    campaign = Campaign(plan, world.log)
    begun = time.monotonic()
    options = {"settings": _SETTINGS, "deadlines": _deadlines(plan), "wait_ms": _QUEUE_MS, "engine": engine}
    async with served(world, around=broken.around, **options) as there:
        there.pool.ports = broken.ports(there.pool.ports)
        await _within(campaign, world, there, progress)
        if not await there.pool.ports.background.drain(timeout=_DRAIN_SECONDS):
            campaign.alarms.append("work was left in the background")
        snapshot = await engine.snapshot(POOL)
    campaign.seconds = time.monotonic() - begun
    campaign.books = audit(list(campaign.answers.values()), await heard(engine), world.log, snapshot)
    return campaign


def _deadlines(plan: Plan) -> Deadlines:
    soon = plan.patience
    return Deadlines(connect=soon, first_byte=soon, first_content=soon, gap=soon, whole=soon, total=10 * soon)


async def _within(campaign: Campaign, world: WitnessWorld, there: Served, progress: Progress) -> None:
    """Let callers ask while faults are played, until all have been answered or the time is up."""
    random = Random(campaign.plan.seed)
    asked = requests(campaign.plan.requests, thinking=campaign.plan.thinking, random=random)
    answered = campaign.answers.__contains__
    director = Director(
        world, there.pool.engine, plan=endless(random, campaign.plan.kinds), random=random, answered=answered
    )
    beside = [asyncio.create_task(director.lane()) for _ in range(LANES)]
    beside.append(asyncio.create_task(_watch(campaign, there.pool.engine)))
    try:
        async with asyncio.timeout(campaign.plan.seconds):
            await _ask_all(campaign, asked, there.url, progress)
    except TimeoutError:
        campaign.alarms.append(f"not over after {campaign.plan.seconds:g} s")
    finally:
        await _stop(campaign, beside)


async def _ask_all(campaign: Campaign, asked: Sequence[Asked], url: str, progress: Progress) -> None:
    left = iter(asked)
    connector, timeout = aiohttp.TCPConnector(limit=0), aiohttp.ClientTimeout(total=30)

    async def caller() -> None:
        for one in left:
            _judge(campaign, await ask(http, url, one))
            progress(campaign)
            await asyncio.sleep(one.pause)

    async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http, asyncio.TaskGroup() as callers:
        for _ in range(campaign.plan.concurrency):
            callers.create_task(caller())


def _judge(campaign: Campaign, answer: Answer) -> None:
    asked = answer.asked
    calls = [met.call for met in campaign.log.of(asked.number)]
    if said := complaint(calls, answer.seen, stream=asked.stream):
        campaign.wrong[asked.number] = said
    campaign.answers[asked.number] = answer


async def _watch(campaign: Campaign, engine: Engine) -> None:
    """No more leases than callers, at any time; who left may leave one behind for a moment."""
    while True:
        left = sum(answer.seen.word is Word.LEFT for answer in campaign.answers.values())
        leases = (await engine.snapshot(POOL)).leases
        if leases > campaign.plan.concurrency + left:
            campaign.alarms.append(f"{leases} leases while {campaign.plan.concurrency} callers ask")
            return
        await asyncio.sleep(_WATCH_SECONDS)


async def _stop(campaign: Campaign, tasks: Sequence[asyncio.Task[None]]) -> None:
    """End what runs beside the callers. One that failed by itself is a fault of the harness and is told."""
    for task in tasks:
        task.cancel()
    for task in tasks:
        with suppress(asyncio.CancelledError):
            await task
