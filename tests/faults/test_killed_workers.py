"""Processes killed in the middle of their calls leave nothing behind but what they cost."""

from collections import Counter
from random import Random

import pytest

from nubabel import valkey
from quota.engine.redis import RedisEngine
from quota.engine.types import Account, BreakerSettings, PoolSettings
from tests.faults.crowd import Stream, crowd, eventually
from tests.faults.ledger import Sum, sums, under_way
from tests.faults.workers import POOL, TTL_MS

KILLS = 200
CAP = 12
ACCOUNTS = [Account(id=name, max_concurrency=CAP) for name in ("alpha", "bravo", "charlie")]


async def test_after_two_hundred_kills_no_lease_is_left_and_every_token_is_accounted_for(
    server: valkey.Running, engine: RedisEngine, stream: Stream, capsys: pytest.CaptureFixture[str]
) -> None:
    await engine.configure(POOL, PoolSettings(version=1, breaker=BreakerSettings(threshold=3, open_ms=50)), ACCOUNTS)
    # The first is spared: somebody must live long enough to end a call too late.
    with crowd("caller", server.url, size=9) as people:
        for kill in range(KILLS):
            before = len(stream)

            async def goes_on(before: int = before) -> bool:
                return len(stream) > before + 5

            await eventually(goes_on, within=20, every=0.005)
            people.kill(Random(kill).choice(people.pids[1:]))
            people.add()
        people.kill_all()

    async def nothing_left() -> bool:
        await engine.expire(POOL)
        return (await engine.snapshot(POOL)).leases == 0

    took = await eventually(nothing_left, within=20)
    assert took <= TTL_MS / 1_000 + 0.5
    snapshot = await engine.snapshot(POOL)
    for state in snapshot.accounts.values():
        assert (state.in_flight, state.reserved_tokens, state.reserved_cost) == (0, 0, 0)
    entries = stream.entries()
    used = {s.id: Sum(s.day_requests, s.day_tokens, s.day_cost) for s in snapshot.accounts.values()}
    assert sums(entries, day=snapshot.now_ms // 86_400_000) == used
    assert max(under_way(entries).values()) <= CAP
    told = Counter(entry.type for entry in entries)
    assert told["lease.expired"] > KILLS / 2  # most kills hit a call under way, or nothing was tested
    late = sum(entry.fields.get("late") == "1" for entry in entries)
    assert late > 0
    with capsys.disabled():
        print(
            f"\n{KILLS} kills: {told['lease.expired']} leases of the dead expired, {late} calls settled late, "
            f"{told['lease.settled'] - late} in time; no lease left after {took:.2f} s, drift 0 tokens"
        )
