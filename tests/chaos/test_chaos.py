"""A small campaign finds nothing wrong with the gateway, and something with each build that is broken on purpose."""

from dataclasses import replace

import pytest

from tests.chaos.broken import BREAKS
from tests.chaos.campaign import run
from tests.chaos.engines import in_memory, on_redis
from tests.chaos.faults import BY_LABEL
from tests.chaos.plan import Campaign, Plan
from tests.chaos.report import text, violations

SMALL = Plan(seed=1, requests=150, concurrency=10, thinking=0.5, seconds=40)
FOUND = {
    "never-settles": ("throttle", "leases are left"),
    "never-fails-over": ("internal", "was not tried on a healthy account"),
    "retries-mistakes": ("bad_request", "went on to another account after bad_request"),
    "tells-twice": ("internal", "ended 2 times"),
    "charges-nothing": ("throttle", "tokens used by its counters"),
    "swallows-errors": ("cut_after, late", "saw silent end"),
    "fakes-the-end": ("no_message_stop, late", "saw whole"),
}
"""Which fault brings it to light, and what is said of it then."""


def quiet(_campaign: Campaign) -> None:
    return


async def test_a_small_campaign_finds_nothing_wrong() -> None:
    async with in_memory() as (engine, heard):
        campaign = await run(SMALL, engine, heard, progress=quiet)
    assert not violations(campaign), text(campaign)


async def test_nor_does_one_on_redis(redis_url: str) -> None:
    async with on_redis(redis_url) as (engine, heard):
        campaign = await run(SMALL, engine, heard, progress=quiet)
    assert not violations(campaign), text(campaign)


def test_each_broken_build_is_put_to_the_test() -> None:
    assert set(FOUND) == set(BREAKS)


@pytest.mark.parametrize("name", BREAKS)
async def test_it_finds_what_is_broken(name: str) -> None:
    label, said = FOUND[name]
    plan = replace(SMALL, requests=40, thinking=0.1, kinds=(BY_LABEL[label],), at_least=1)
    async with in_memory() as (engine, heard):
        campaign = await run(plan, engine, heard, broken=BREAKS[name], progress=quiet)
    assert any(said in one for one in violations(campaign)), text(campaign)
