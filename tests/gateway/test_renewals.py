"""Leases of long calls are kept, those of ended ones are not."""

import asyncio
from typing import Any

from gateway.renewals import Renewals
from quota.engine.errors import EngineUnavailable
from tests.gateway.cast import HandClock
from tests.gateway.test_attempts import lease


class StillClock(HandClock):
    """Only wound by hand: whoever sleeps does not wake."""

    async def sleep(self, seconds):
        await asyncio.Event().wait()


class Recorder:
    def __init__(self):
        self.renewed = []
        self.answer: Any = True

    async def renew(self, pool, lease_id, *, ttl_ms, alive=False):
        self.renewed.append((lease_id, ttl_ms, alive))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def watching(clock, engine, **options):
    renewals = Renewals(clock=clock)
    options = {"ttl_ms": 120_000, "for_seconds": 3_600, **options}
    return renewals, renewals.watch(engine, lease(1), **options)


async def test_a_lease_is_renewed_at_half_its_life():
    clock, engine = StillClock(), Recorder()
    renewals, watched = watching(clock, engine)
    for seconds, renewed in ((59, 0), (1, 1), (30, 1), (30, 2)):
        clock.wind(seconds)
        await renewals.renew_due()
        assert len(engine.renewed) == renewed
    assert engine.renewed[0] == ("a.1", 120_000, False)
    renewals.forget(watched)


async def test_a_call_that_has_begun_to_answer_says_so_when_it_renews():
    clock, engine = StillClock(), Recorder()
    renewals, watched = watching(clock, engine)
    watched.alive = True
    clock.wind(60)
    await renewals.renew_due()
    assert engine.renewed == [("a.1", 120_000, True)]
    renewals.forget(watched)


async def test_an_ended_call_is_not_renewed():
    clock, engine = StillClock(), Recorder()
    renewals, watched = watching(clock, engine)
    renewals.forget(watched)
    clock.wind(100)
    await renewals.renew_due()
    assert engine.renewed == []


async def test_an_engine_that_is_away_is_asked_again_at_the_next_round():
    clock, engine = StillClock(), Recorder()
    engine.answer = EngineUnavailable()
    renewals, watched = watching(clock, engine)
    clock.wind(60)
    await renewals.renew_due()
    await renewals.renew_due()
    assert len(engine.renewed) == 2
    renewals.forget(watched)


async def test_a_lease_that_is_gone_is_left_alone():
    clock, engine = StillClock(), Recorder()
    engine.answer = False
    renewals, _ = watching(clock, engine)
    for _ in range(3):
        clock.wind(60)
        await renewals.renew_due()
    assert len(engine.renewed) == 1


async def test_a_call_nobody_ended_is_not_kept_for_ever():
    clock, engine = StillClock(), Recorder()
    renewals, _ = watching(clock, engine, for_seconds=100)
    for _ in range(5):
        clock.wind(60)
        await renewals.renew_due()
    assert len(engine.renewed) == 1


async def test_it_runs_by_itself_while_there_is_something_to_keep():
    clock, engine = HandClock(), Recorder()
    renewals, watched = watching(clock, engine)
    for _ in range(8):
        await asyncio.sleep(0)
    assert engine.renewed
    renewals.forget(watched)
    for _ in range(8):
        await asyncio.sleep(0)
    assert not [task for task in asyncio.all_tasks() if task.get_name() == "lease renewals"]
