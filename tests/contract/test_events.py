"""Events: each transition once, in the order of what happened, with what others need to tell of it."""

from quota.engine.types import BreakerSettings, Event, Verdict
from tests.contract.stage import NOON, OPEN_MS, POOL, Stage


async def test_each_transition_of_a_breaker_is_told_once(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.settle(await stage.half_open(), Verdict.FAILURE)
    stage.later(OPEN_MS)
    await stage.call()
    moves = [(told["from"], told["to"], told["gen"]) for told in await stage.told("breaker")]
    assert moves == [
        ("closed", "open", "1"),
        ("open", "half_open", "2"),
        ("half_open", "open", "3"),
        ("open", "half_open", "4"),
        ("half_open", "closed", "5"),
    ]


async def test_an_opening_is_told_with_its_reason_and_its_end(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.trip()
    assert await stage.told("breaker") == [
        {
            "pool": POOL,
            "account": "alpha",
            "gen": "1",
            "from": "closed",
            "to": "open",
            "mode": "auto",
            "why": "http 503",
            "until_ms": str(NOON + OPEN_MS),
            "actor": "",
        }
    ]


async def test_failures_that_open_nothing_are_not_told(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.fail("alpha", 4)
    assert await stage.told("breaker") == []


async def test_a_transition_is_told_before_the_settlement_that_caused_it(stage: Stage) -> None:
    await stage.open("alpha", breaker=BreakerSettings(threshold=1))
    await stage.fail("alpha")
    assert [kind for kind, _ in await stage.all_told()] == ["breaker", "lease.settled"]


async def test_looking_asking_in_vain_and_configuring_are_not_told(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.refusal(tried=("alpha",))
    await stage.engine.snapshot(POOL)
    await stage.open("alpha", "bravo")
    assert await stage.all_told() == []


async def test_payloads_are_passed_on_untouched(stage: Stage) -> None:
    await stage.open("alpha")
    payload = '{"text": "naïve \\u0000 ☃ \\n", "n": 1.0}\n\t\x7f'
    await stage.engine.emit(POOL, [Event("activity.failed", payload)])
    assert await stage.told("activity.failed") == [{"pool": POOL, "payload": payload}]


async def test_the_stream_survives_the_loss_of_the_pool(stage: Stage) -> None:
    await stage.open("alpha")
    await stage.call()
    await stage.lose_everything()
    await stage.open("alpha")
    await stage.call()
    assert len(await stage.told("lease.settled")) == 2
