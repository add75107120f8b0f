"""RPM: in any 60-second span, wherever it begins, no more than the limit."""

from random import Random

from quota.engine.types import Lease
from tests.contract.stage import NOON, Stage, rpm

MINUTE = 60_000


async def test_a_burst_on_both_sides_of_a_minute_is_not_let_through(stage: Stage) -> None:
    stage.clock.now_ms = NOON + 59_900
    await stage.open(rpm("alpha", 5))
    for _ in range(5):
        await stage.call()
    stage.later(200)  # a counter per clock minute would start afresh here
    await stage.refusal()


async def test_a_place_is_free_again_a_minute_after_and_at_most_one_second_later(stage: Stage) -> None:
    stage.clock.now_ms = NOON + 7
    await stage.open(rpm("alpha", 1))
    await stage.call()
    refusal = await stage.refusal()
    assert MINUTE < refusal.retry_after_ms <= MINUTE + 1_000
    stage.later(refusal.retry_after_ms)
    await stage.call()


async def test_places_return_one_by_one_as_they_were_taken(stage: Stage) -> None:
    await stage.open(rpm("alpha", 3))
    for _ in range(3):
        await stage.call()
        stage.later(10_000)
    stage.clock.now_ms = NOON + 61_000
    await stage.call()
    assert (await stage.refusal()).retry_at_ms == NOON + 71_000


async def test_no_span_of_sixty_seconds_of_a_random_hour_holds_more_than_the_limit(stage: Stage) -> None:
    await stage.open(rpm("alpha", 7))
    random, admitted = Random(1), []
    for _ in range(1_000):
        stage.later(random.choice((0, 1, 37, 500, 999, 1_000, 3_600, 9_000)))
        lease = await stage.ask()
        if isinstance(lease, Lease):
            admitted.append(lease.granted_ms)
    assert len(admitted) > 150
    assert all(later - earlier > MINUTE for earlier, later in zip(admitted, admitted[7:], strict=False))


async def test_a_long_call_does_not_hold_its_place_beyond_its_minute(stage: Stage) -> None:
    await stage.open(rpm("alpha", 1))
    await stage.lease(ttl_ms=600_000)
    stage.later(61_000)
    await stage.lease()


async def test_settling_after_its_minute_has_passed_disturbs_no_later_one(stage: Stage) -> None:
    await stage.open(rpm("alpha", 2))
    old = await stage.lease(ttl_ms=600_000)
    stage.later(61_000)
    await stage.lease()
    await stage.settle(old, sent=False)
    assert (await stage.look()).minute_requests == 1
