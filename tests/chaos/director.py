"""Who makes things go wrong, on one account per lane at a time, and puts them right again as people would."""

import asyncio
from collections.abc import Callable, Iterator
from random import Random
from typing import Any, Final

from quota.engine.api import Engine
from quota.engine.types import BreakerState
from quota.engine.views import AccountState
from simulator.script import Rule
from tests.chaos.kinds import Kind
from tests.chaos.witness import NAMES, WitnessWorld
from tests.journeys.pool import POOL

LANES: Final = 2
"""Accounts in trouble at a time. With five of them, healthy ones always remain."""
_BURSTS: Final = (1, 1, 1, 1, 6)
"""How often a fault is played in a row; more than five failures open a breaker."""
_POLL: Final = 0.005
_LINGER: Final = 0.12
"""Seconds that a burst gets for each of its faults; an account that is held meets no more of them."""


def endless(random: Random, kinds: tuple[Kind, ...]) -> Iterator[tuple[Kind, int]]:
    """Give all kinds in random order, each with the length of its burst, then all of them in another order."""
    while True:
        for kind in random.sample(kinds, len(kinds)):
            yield kind, random.choice(_BURSTS)


class Director:
    """Plays faults until cancelled. `answered` tells whether a request has been answered."""

    def __init__(
        self,
        world: WitnessWorld,
        engine: Engine,
        *,
        plan: Iterator[tuple[Kind, int]],
        random: Random,
        answered: Callable[[int], bool],
    ) -> None:
        self._world = world
        self._engine = engine
        self._random = random
        self._answered = answered
        self._plan = plan
        self._condemned = tuple(random.sample(NAMES, 2))
        self._troubled: set[str] = set()

    async def lane(self) -> None:
        """Play one fault after another."""
        while True:
            kind, times = next(self._plan)
            accounts = await self._choose(kind)
            self._troubled.update(accounts)
            try:
                await self._play(kind, self._random.choice(accounts), times)
            finally:
                self._troubled.difference_update(accounts)
            await self._heal()

    async def _choose(self, kind: Kind) -> tuple[str, ...]:
        """Pick an account to get into trouble, and who else will be drawn into it."""
        if kind.condemns:
            await _until(lambda: self._troubled.isdisjoint(self._condemned))
            return self._condemned
        return (self._random.choice([name for name in NAMES if name not in self._troubled]),)

    async def _play(self, kind: Kind, account: str, times: int) -> None:
        rule = self._armed(kind, account, times)
        try:
            await _until(lambda: rule.used > 0)
            await _until(lambda: rule.spent, within=_LINGER * times)
        finally:
            self._world.script.remove(rule_id=rule.id)
        await _until(lambda: all(map(self._answered, self._world.log.stayed(account, kind.label))))

    def _armed(self, kind: Kind, account: str, times: int) -> Rule:
        direction: dict[str, Any] = {"account": account, "times": times, "contains": kind.only.value or None}
        rule = self._world.fault(kind.name, **direction, **kind.parameters)
        rule.name = kind.label  # what the log will call it
        return rule

    async def _heal(self) -> None:
        """Do what an administrator does once an account is well again."""
        accounts = (await self._engine.snapshot(POOL)).accounts
        for name, state in accounts.items():
            if name not in self._troubled and _is_ill(state):
                await self._engine.clear_cooldown(POOL, name, actor="chaos")
                await self._engine.reset_breaker(POOL, name, actor="chaos")


def _is_ill(state: AccountState) -> bool:
    return bool(state.holds or state.failures or state.breaker is not BreakerState.CLOSED)


async def _until(holds: Callable[[], bool], *, within: float | None = None) -> None:
    """Wait until it holds, or long enough."""
    try:
        async with asyncio.timeout(within):
            while not holds():  # noqa: ASYNC110 - what is waited for tells nobody
                await asyncio.sleep(_POLL)
    except TimeoutError:
        return
