"""Real buckets and real money behind the API."""

from typing import Any

import anthropic
import pytest

from simulator.buckets import Limits
from simulator.clock import ManualClock
from simulator.parties import Purse
from simulator.testing import RunningSimulator

REQUEST: Any = {"model": "claude-sonnet-5-5", "max_tokens": 500, "messages": [{"role": "user", "content": "hi"}]}
SMALL = Limits(rpm=2, itpm=10_000, otpm=10_000)


async def refused(client: Any, **more: Any) -> Any:
    with pytest.raises(anthropic.APIStatusError) as caught:
        await client.messages.create(**REQUEST | more)
    return caught.value


async def test_the_third_request_of_two_a_minute_waits_half_a_minute(
    sim: RunningSimulator, connect: Any, clock: ManualClock
) -> None:
    sim.world.add_account("small", limits=SMALL)
    client = connect("small")
    for _ in range(2):
        await client.messages.create(**REQUEST)
    error: Any = await refused(client)
    assert isinstance(error, anthropic.RateLimitError)
    assert error.response.headers["retry-after"] == "30"
    assert error.response.headers["anthropic-ratelimit-requests-remaining"] == "0"
    assert "2 requests per minute" in str(error.api_message)
    clock.advance(30)
    await client.messages.create(**REQUEST)


async def test_keys_of_one_organization_share_its_buckets(sim: RunningSimulator, connect: Any) -> None:
    sim.world.add_account("one", organization="shared", limits=SMALL)
    sim.world.add_account("two", organization="shared")
    await connect("one").messages.create(**REQUEST)
    await connect("two").messages.create(**REQUEST)
    assert (await refused(connect("one"))).status_code == 429


async def test_model_groups_have_buckets_of_their_own(sim: RunningSimulator, connect: Any) -> None:
    sim.world.add_account("small", limits=SMALL)
    client = connect("small")
    for model in ("claude-opus-4-6", "claude-opus-4-7"):
        await client.messages.create(**REQUEST | {"model": model})
    assert (await refused(client, model="claude-opus-4-8")).status_code == 429
    await client.messages.create(**REQUEST)


async def test_a_workspace_may_have_less_than_its_organization(sim: RunningSimulator, connect: Any) -> None:
    organization = sim.world.add_organization("big")
    workspace = sim.world.add_workspace("tight", organization=organization, limits=Limits(1, 10_000, 10_000))
    sim.world.add_account("tight", workspace=workspace)
    sim.world.add_account("free", organization="big")
    response = await connect("tight").messages.with_raw_response.create(**REQUEST)
    assert response.headers["anthropic-ratelimit-tokens-limit"] == "20000"
    assert (await refused(connect("tight"))).status_code == 429
    await connect("free").messages.create(**REQUEST)


async def test_input_counts_against_the_input_bucket(sim: RunningSimulator, connect: Any) -> None:
    sim.world.add_account("small", limits=Limits(rpm=100, itpm=1_000, otpm=10_000))
    client = connect("small")
    long: Any = [{"role": "user", "content": "x" * 3_000}]
    await client.messages.create(**REQUEST | {"messages": long})
    error = await refused(client, messages=long)
    assert "1,000 input tokens per minute" in error.api_message
    assert error.response.headers["retry-after"] == "31"


async def test_cache_reads_do_not_count_against_the_input_bucket(sim: RunningSimulator, connect: Any) -> None:
    sim.world.add_account("small", limits=Limits(rpm=100, itpm=2_100, otpm=10_000))
    client = connect("small")
    system: Any = [{"type": "text", "text": "x" * 8_000, "cache_control": {"type": "ephemeral"}}]
    for _ in range(10):
        await client.messages.create(**REQUEST | {"system": system})


async def test_output_may_overdraw_once(sim: RunningSimulator, connect: Any) -> None:
    sim.world.add_account("small", limits=Limits(rpm=100, itpm=10_000, otpm=100))
    client = connect("small")
    await client.messages.create(**REQUEST | {"messages": [{"role": "user", "content": "[[tokens=150]]"}]})
    error = await refused(client)
    assert "output tokens" in error.api_message
    assert error.response.headers["retry-after"] == "31"


@pytest.mark.parametrize(
    ("purse", "refusal"),
    [
        (Purse(cap=1), (429, "enforced_spend_limit_reached", "Your organization has reached its monthly spend limit")),
        (
            Purse(limit=1),
            (400, None, "You have reached your specified API usage limits. You will regain access on 2026-"),
        ),
        (Purse(credit=1), (400, None, "Your credit balance is too low")),
    ],
)
async def test_money_runs_out_after_the_request_that_spends_it(
    purse: Purse, refusal: tuple[int, str | None, str], sim: RunningSimulator, connect: Any
) -> None:
    sim.world.add_account("poor", purse=purse)
    client = connect("poor")
    await client.messages.create(**REQUEST)
    error = await refused(client)
    assert (error.status_code, error.error_code) == refusal[:2]
    assert error.api_message.startswith(refusal[2])
    assert "retry-after" not in error.response.headers


async def test_a_workspace_has_its_own_spend_limit(sim: RunningSimulator, connect: Any) -> None:
    workspace = sim.world.add_workspace("w", organization=sim.world.add_organization("org"), purse=Purse(limit=1))
    sim.world.add_account("poor", workspace=workspace)
    await connect("poor").messages.create(**REQUEST)
    assert (await refused(connect("poor"))).api_message.startswith("You have reached your specified workspace API")


async def test_a_new_month_brings_new_money(sim: RunningSimulator, connect: Any, clock: ManualClock) -> None:
    sim.world.add_account("poor", purse=Purse(cap=1))
    await connect("poor").messages.create(**REQUEST)
    assert (await refused(connect("poor"))).status_code == 429
    clock.advance(9 * 86_400)
    await connect("poor").messages.create(**REQUEST)
