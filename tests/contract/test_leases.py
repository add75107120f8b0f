"""Asking for a lease: what one gets, what one is told instead, and that asking again is safe."""

import pytest
from msgspec.structs import replace

from quota.engine.types import NEVER, Account, Event, Lease, Reason
from tests.contract.stage import HAIKU, NOON, OPUS, POOL, Stage, reasons, rpm


async def test_a_lease_says_what_was_granted(stage: Stage) -> None:
    await stage.open("alpha")
    lease = await stage.lease(lease_id="mine", tokens=100, cost=7, ttl_ms=30_000)
    expected = Lease(
        id="mine",
        pool=POOL,
        account="alpha",
        generation=0,
        probe=False,
        granted_ms=NOON,
        deadline_ms=NOON + 30_000,
        day=NOON // 86_400_000,
        tokens=100,
        cost=7,
        epoch=lease.epoch,
    )
    assert lease == expected
    assert lease.epoch


async def test_asking_again_with_the_same_id_gets_the_same_grant(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    lease = await stage.lease(tokens=10)
    stage.later(5_000)
    assert await stage.lease(lease_id=lease.id, tokens=10) == lease


async def test_and_reserves_nothing_twice(stage: Stage) -> None:
    await stage.open("alpha")
    lease = await stage.lease(tokens=10)
    for _ in range(3):
        await stage.ask(lease_id=lease.id, tokens=10)
    state = await stage.look()
    assert (state.reserved_tokens, state.in_flight, state.minute_requests) == (10, 1, 1)


async def test_and_gets_the_old_grant_even_if_it_asks_for_something_else(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    lease = await stage.lease(only="alpha")
    assert await stage.lease(lease_id=lease.id, only="bravo", tokens=999) == lease


async def test_and_gets_it_even_after_it_has_expired(stage: Stage) -> None:
    await stage.open("alpha")
    lease = await stage.lease(ttl_ms=1_000)
    stage.later(2_000)
    await stage.engine.expire(POOL)
    assert await stage.lease(lease_id=lease.id) == lease


async def test_events_go_out_with_the_grant_and_once(stage: Stage) -> None:
    await stage.open("alpha")
    started = (Event("activity.started", '{"x": 1}'),)
    lease = await stage.lease(events=started)
    await stage.ask(lease_id=lease.id, events=started)
    assert await stage.told("activity.started") == [{"pool": POOL, "payload": '{"x": 1}'}]


async def test_events_of_a_refused_request_are_not_told(stage: Stage) -> None:
    await stage.open(rpm("alpha", 0))
    await stage.refusal(events=(Event("activity.started", "{}"),))
    assert await stage.all_told() == []


async def test_accounts_already_tried_are_passed_over(stage: Stage) -> None:
    await stage.open("alpha", "bravo", "charlie")
    assert (await stage.lease(tried=("alpha", "charlie"))).account == "bravo"


async def test_when_all_were_tried_no_time_will_help(stage: Stage) -> None:
    await stage.open("alpha", "bravo")
    refusal = await stage.refusal(tried=("alpha", "bravo"))
    assert (set(reasons(refusal).values()), refusal.retry_at_ms) == ({Reason.TRIED}, NEVER)


async def test_a_pinned_request_gets_its_account_or_none(stage: Stage) -> None:
    await stage.open(rpm("alpha", 1), "bravo")
    assert (await stage.lease(only="alpha")).account == "alpha"
    refusal = await stage.refusal(only="alpha")
    assert (reasons(refusal)["alpha"], refusal.retry_at_ms) == (Reason.LIMIT, NOON + 61_000)


async def test_pinned_to_a_stranger_it_gets_none(stage: Stage) -> None:
    await stage.open("alpha")
    assert (await stage.refusal(only="nobody")).retry_at_ms == NEVER


async def test_pinned_to_an_account_just_tried_it_gets_none(stage: Stage) -> None:
    await stage.open("alpha")
    assert reasons(await stage.refusal(only="alpha", tried=("alpha",))) == {"alpha": Reason.TRIED}


async def test_an_account_serves_only_the_models_it_may(stage: Stage) -> None:
    await stage.open(Account(id="alpha", models=(HAIKU,)), Account(id="bravo", models=(OPUS, HAIKU)))
    assert {(await stage.lease(model=OPUS)).account for _ in range(4)} == {"bravo"}
    assert {(await stage.lease(model=HAIKU)).account for _ in range(8)} == {"alpha", "bravo"}


@pytest.mark.parametrize("models", [(), (HAIKU,)])
async def test_a_model_nobody_may_serve_is_refused_for_good(stage: Stage, models: tuple[str, ...]) -> None:
    await stage.open(Account(id="alpha", models=models))
    refusal = await stage.refusal(model=OPUS)
    assert (reasons(refusal), refusal.retry_at_ms) == ({"alpha": Reason.MODEL_NOT_ALLOWED}, NEVER)


async def test_an_account_switched_off_serves_nobody(stage: Stage) -> None:
    await stage.open(Account(id="alpha", enabled=False))
    assert reasons(await stage.refusal()) == {"alpha": Reason.DISABLED}


async def test_an_empty_pool_refuses_and_names_nobody(stage: Stage) -> None:
    await stage.open()
    refusal = await stage.refusal()
    assert (refusal.blocks, refusal.retry_at_ms) == ((), NEVER)


async def test_a_refusal_lists_every_account_soonest_first(stage: Stage) -> None:
    await stage.open(rpm("alpha", 1), Account(id="bravo", max_concurrency=1), Account(id="charlie", enabled=False))
    for name in ("alpha", "bravo"):
        await stage.lease(only=name)
    refusal = await stage.refusal()
    assert [(block.account, block.until_ms) for block in refusal.blocks] == [
        ("bravo", NOON + 1_000),
        ("alpha", NOON + 61_000),
        ("charlie", NEVER),
    ]
    assert (refusal.now_ms, refusal.retry_after_ms) == (NOON, 1_000)


async def test_waiting_as_long_as_each_refusal_says_ends_in_a_lease(stage: Stage) -> None:
    await stage.open(rpm("alpha", 1), Account(id="bravo", max_concurrency=1))
    await stage.call("alpha")
    await stage.trip("bravo")
    await stage.engine.force_open(POOL, "alpha", actor="ann")
    waited = 0
    while not isinstance(answer := await stage.ask(), Lease):
        stage.later(answer.retry_after_ms)
        waited += 1
    assert (answer.account, waited) == ("bravo", 1)


async def test_ids_may_be_any_text(stage: Stage) -> None:
    odd = "ätt © {x} 'q' \"d\" $1 %s"
    await stage.open(Account(id=odd, organization=odd))
    lease = await stage.lease(lease_id=odd, session=odd, note=odd)
    await stage.settle(lease, note=odd, organization=odd)
    assert (lease.account, (await stage.told("lease.settled"))[0]["note"]) == (odd, odd)


async def test_pools_know_nothing_of_each_other(stage: Stage) -> None:
    await stage.open(rpm("alpha", 1))
    await stage.engine.configure("other", stage.settings, [rpm("alpha", 1)])
    await stage.lease()
    assert isinstance(await stage.engine.lease(replace(stage.request(), pool="other")), Lease)
