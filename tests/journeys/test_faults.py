"""Every fault the simulator knows, on the first of two accounts: the caller never notices, or hears the truth."""

from typing import Any

import anthropic
import pytest

from gateway.wire import Deadlines
from quota.engine.types import PoolSettings, Strategy
from quota.records import ActivityEnded
from simulator.faults.registry import FAULTS
from simulator.latency import Fixed, Pace
from tests.journeys.pool import POOL, pool_over, world_of

ROUND_ROBIN = PoolSettings(version=1, strategy=Strategy.ROUND_ROBIN)
IMPATIENT = Deadlines(connect=1, first_byte=0.15, first_content=0.15, gap=0.15, whole=0.15, total=5)
ASK = {"model": "claude-sonnet-5-5", "max_tokens": 60, "messages": [{"role": "user", "content": "Hello"}]}

CALLERS_OWN = {"bad_request", "too_large", "unprocessable", "not_found"}
HARMLESS = {"ok", "crlf", "huge_line"}
PARAMETERS: dict[str, dict[str, Any]] = {
    "status": {"status": 418},
    "pings": {"seconds": 0.01},
    "drip": {"chunk": 7, "seconds": 0.0},
    "latency": {"first": 0.01, "between": 0.001},
    "silence": {"seconds": 0.3},
}
LATE = [
    ("cut_after", {"frames": 5}),
    ("no_message_stop", {}),
    ("bad_json", {"frame": 5}),
    ("non_utf8", {"frame": 5}),
    ("missing_event_line", {"frame": 5}),
    ("stream_error", {"frames": 5}),
    ("hang_after_headers", {"frames": 5}),
    ("reset", {"at": 900}),
]


async def told_the_truth(pool, *, requests):
    """As many activities as requests, each ended once, and no lease left."""
    await pool.ports.background.drain(timeout=2)
    assert len(pool.told("activity.started")) == requests
    assert len(pool.told("activity.completed") + pool.told("activity.failed")) == requests
    assert (await pool.engine.snapshot(POOL)).leases == 0


def faulty(name, **parameters):
    world = world_of("alpha", "beta")
    world.always("alpha", name, **parameters)
    return world


@pytest.mark.parametrize("name", sorted(FAULTS))
async def test_a_json_request_survives_it(name):
    async with pool_over(faulty(name, **PARAMETERS.get(name, {})), settings=ROUND_ROBIN, deadlines=IMPATIENT) as pool:
        async with pool.client() as claude:
            answered = [await outcome_of(claude.messages.create(**ASK)) for _ in range(2)]
        assert "whole" in answered
        assert set(answered) <= ({"whole", "the caller's mistake"} if name in CALLERS_OWN | {"status"} else {"whole"})
        await told_the_truth(pool, requests=2)


@pytest.mark.parametrize("name", sorted(FAULTS))
async def test_a_stream_survives_it_or_says_that_it_broke(name):
    async with pool_over(faulty(name, **PARAMETERS.get(name, {})), settings=ROUND_ROBIN, deadlines=IMPATIENT) as pool:
        async with pool.client() as claude:
            answered = [await outcome_of(streamed(claude)) for _ in range(2)]
        assert "whole" in answered
        assert set(answered) <= {
            "whole",
            "broken",
            *({"the caller's mistake"} if name in CALLERS_OWN | {"status"} else ()),
        }
        await told_the_truth(pool, requests=2)
        ended = [ActivityEnded.from_json(text) for text in pool.told("activity.completed")]
        assert len(ended) == answered.count("whole")


@pytest.mark.parametrize(("name", "parameters"), LATE, ids=[name for name, _ in LATE])
async def test_a_stream_that_breaks_after_content_is_never_taken_for_whole(name, parameters):
    world = world_of("alpha", pace=Pace(Fixed(0.0), Fixed(0.001)))
    world.always("alpha", name, **parameters)
    async with pool_over(world, deadlines=IMPATIENT) as pool, pool.client() as claude:
        assert await outcome_of(streamed(claude)) == "broken"
        await told_the_truth(pool, requests=1)
        assert (await pool.engine.snapshot(POOL)).accounts["alpha"].failures == 1


async def streamed(claude):
    async with claude.messages.stream(**ASK) as stream:
        return await stream.get_final_message()


async def outcome_of(work):
    try:
        message = await work
    except anthropic.APIStatusError as error:
        return "broken" if error.status_code == 200 else "the caller's mistake"
    assert message.stop_reason
    assert message.usage.output_tokens
    return "whole"
