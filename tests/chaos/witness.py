"""The simulator as a witness: which request met which fault on which account, and what it was billed for."""

import re
from collections import deque
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Final

from simulator.buckets import Limits
from simulator.latency import Fixed, Pace
from simulator.parties import Account, Exchange
from simulator.reply import Bill
from simulator.world import World
from tests.chaos.judging import ACCOUNTS, Call

_TAG: Final = re.compile(rb"chaos-(\d+)-")
_PLENTY: Final = Limits(rpm=10_000_000, itpm=10_000_000_000, otpm=10_000_000_000)
_PACE: Final = Pace(Fixed(0.02), Fixed(0.02))
NAMES: Final = tuple(f"account-{number}" for number in range(1, ACCOUNTS + 1))


@dataclass(slots=True)
class Met:
    """One call as the simulator knows it. `billed` is None while, or if, nothing was."""

    call: Call
    billed: int | None = None


_now: ContextVar[Met] = ContextVar("met")


class Log(deque[Exchange]):
    """The world's exchanges, sorted by the request they belong to."""

    def __init__(self) -> None:
        super().__init__(maxlen=1)
        self.met: dict[int, list[Met]] = {}
        self._who: dict[tuple[str, str], set[int]] = {}

    def append(self, exchange: Exchange, /) -> None:
        """Take note; what is billed later in this task is billed for this exchange."""
        tag = _TAG.search(exchange.body)
        if tag is None or exchange.account is None:
            raise ValueError("a request that is none of the campaign's")
        number, fault = int(tag[1]), exchange.fault or ""
        met = Met(Call(exchange.account, fault, exchange.status))
        self.met.setdefault(number, []).append(met)
        self._who.setdefault((exchange.account, fault), set()).add(number)
        _now.set(met)

    def of(self, number: int) -> list[Met]:
        """All calls of one request, in order."""
        return self.met.get(number, [])

    def stayed(self, account: str, fault: str) -> set[int]:
        """The requests that met a fault on an account, and have not gone on to another since."""
        met = self._who.get((account, fault), set())
        met -= {number for number in met if self.met[number][-1].call.account != account}
        return met


class WitnessWorld(World):
    """A world of five accounts, each in an organization of its own with more room than anybody needs."""

    def __init__(self, *, seed: int) -> None:
        super().__init__(seed=seed, pace=_PACE)
        self.log = Log()
        self.exchanges = self.log
        for name in NAMES:
            self.add_account(name, limits=_PLENTY)

    def settle(self, account: Account, bill: Bill, *, at: float | None = None) -> None:
        """Bill, and remember for which call."""
        super().settle(account, bill, at=at)
        _now.get().billed = bill.total_tokens
