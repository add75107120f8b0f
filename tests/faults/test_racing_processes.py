"""Eight processes at once: one probe per account, and never more than a limit admits. With a bug planted, more."""

import pytest

from nubabel import valkey
from quota.engine.redis import RedisEngine
from quota.engine.types import Account, BreakerSettings, Limit, Metric, PoolSettings, Strategy, Window
from tests.faults.crowd import Stream, crowd, eventually
from tests.faults.ledger import probes, sums, under_way
from tests.faults.workers import GREEDY_ATTEMPTS, POOL

PROCESSES = 8
CYCLES = 600
RPM, TOKENS, COST, CAP = 300, 20_000, 200 * 10**9, 3
LIMITED = [
    Account(id="rpm", limits=(Limit(Metric.REQUESTS, Window.MINUTE, RPM),)),
    Account(id="tokens", limits=(Limit(Metric.TOKENS, Window.DAY, TOKENS),)),
    Account(id="cost", limits=(Limit(Metric.COST, Window.MONTH, COST),)),
    Account(id="cap", max_concurrency=CAP),
]


async def race(engine: RedisEngine, url: str, *, cycles: int, mutant: str = "") -> None:
    breaker = BreakerSettings(threshold=1, open_ms=3)
    settings = PoolSettings(version=1, strategy=Strategy.ROUND_ROBIN, breaker=breaker)
    await engine.configure(POOL, settings, [Account(id=name) for name in ("alpha", "bravo", "charlie")])

    async def often_enough() -> bool:
        accounts = (await engine.snapshot(POOL)).accounts.values()
        return sum(state.generation for state in accounts) >= 2 * cycles

    with crowd("prober", url, size=PROCESSES, mutant=mutant):
        await eventually(often_enough, within=60, every=0.05)


async def test_exactly_one_probe_is_in_flight_however_many_ask(
    server: valkey.Running, engine: RedisEngine, stream: Stream
) -> None:
    await race(engine, server.url, cycles=CYCLES)
    times, most = probes(stream.entries())
    assert times >= CYCLES / 2
    assert most == 1


async def test_a_breaker_that_let_everybody_probe_would_be_noticed(
    server: valkey.Running, engine: RedisEngine, stream: Stream
) -> None:
    await race(engine, server.url, cycles=100, mutant="half-open lets everybody probe")
    _, most = probes(stream.entries())
    assert most > 1


async def rush(engine: RedisEngine, url: str, stream: Stream, *, mutant: str = "") -> None:
    """Every process makes its attempts on the limited accounts."""
    await engine.configure(POOL, PoolSettings(version=1), LIMITED)

    async def all_through() -> bool:
        return sum(entry.type == "through" for entry in stream.entries()) == PROCESSES

    with crowd("greedy", url, size=PROCESSES, mutant=mutant):
        await eventually(all_through, within=60, every=0.2)


async def test_no_limit_is_exceeded_by_one_however_many_processes_rush(
    server: valkey.Running, engine: RedisEngine, stream: Stream
) -> None:
    await rush(engine, server.url, stream)
    entries = stream.entries()
    day = entries[0].at_ms // 86_400_000
    used = sums(entries, day=day)
    assert used["rpm"].requests == RPM
    assert TOKENS - 100 < used["tokens"].tokens <= TOKENS
    assert COST - 10**9 < used["cost"].cost <= COST
    assert under_way(entries)["cap"] == CAP
    assert sum(found.requests for found in used.values()) < PROCESSES * GREEDY_ATTEMPTS  # most were refused something


@pytest.mark.parametrize("mutant", ["a limit admits one too many", "the concurrency cap admits one more"])
async def test_one_call_too_many_would_be_noticed(
    server: valkey.Running, engine: RedisEngine, stream: Stream, mutant: str
) -> None:
    await rush(engine, server.url, stream, mutant=mutant)
    entries = stream.entries()
    used = sums(entries, day=entries[0].at_ms // 86_400_000)
    assert used["rpm"].requests > RPM or under_way(entries)["cap"] > CAP
