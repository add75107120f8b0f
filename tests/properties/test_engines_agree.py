"""The scripts on a real server against the executable specification, step by step, over random histories."""

import asyncio
from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quota.engine.connection import Connection
from quota.engine.scripts import Scripts
from tests.properties.histories import START_MS, History
from tests.properties.mutants import MUTANTS, Mutant
from tests.properties.pair import Disagreement, Pair

SEEDS = 60
STEPS = 80
MUTANT_SEEDS = 400


async def run(url: str, random: Random, *, seed: int, steps: int, using: Scripts | None = None) -> Counter[str]:
    connection = Connection(url, deadline=5)
    try:
        await connection.call("FLUSHDB")
        pair = Pair(connection, now_ms=START_MS, seed=seed, using=using)
        history = await History.begin(pair, random)
        await history.run(steps)
        return pair.visited
    finally:
        await connection.close()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(random=st.randoms(use_true_random=False), seed=st.integers(0, 2**31 - 1))
def test_any_history_looks_the_same_on_both_engines(redis_url: str, random: Random, seed: int) -> None:
    asyncio.run(run(redis_url, random, seed=seed, steps=40))


@pytest.mark.timeout(600)
def test_the_histories_visit_every_state_often(redis_url: str, capsys: pytest.CaptureFixture[str]) -> None:
    visited: Counter[str] = Counter()
    for seed in range(SEEDS):
        visited += asyncio.run(run(redis_url, Random(seed), seed=seed, steps=STEPS))
    states = {state: visited[state] for state in ("closed", "open", "half_open")}
    with capsys.disabled():
        print(f"\n{SEEDS} histories of {STEPS} steps visited: {dict(visited)}")
    assert min(states.values()) >= 0.04 * sum(states.values())
    refused = ("refusals", "client refusals", "pool refusals", "rate limits")
    rare = ("late settlements", "adoptions", "reloads", "foreign")
    assert min(visited[what] for what in ("leases", *refused, *rare)) > 0


@pytest.mark.timeout(600)  # the rarest bugs take some hundred histories, which a busy machine plays slowly
@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name.replace(" ", "-"))
def test_a_planted_bug_is_found(redis_url: str, mutant: Mutant) -> None:
    planted = mutant.scripts()
    for seed in range(MUTANT_SEEDS):
        try:
            asyncio.run(run(redis_url, Random(seed), seed=seed, steps=STEPS, using=planted))
        except (Disagreement, AssertionError):
            return
    pytest.fail(f"{MUTANT_SEEDS} histories did not notice that {mutant.name}")
