"""What a lease would be answered, without taking it: the specification run on a copy of the pool. Pure.

What the copy does not know is what no snapshot tells: leases that are overdue and not yet settled still count, and an
early probe is taken to be due.
"""

from copy import deepcopy
from dataclasses import dataclass, replace

from msgspec import structs

from quota.engine import learning
from quota.engine.leasing import in_order, lease
from quota.engine.members import Member
from quota.engine.pool import Pool
from quota.engine.types import Block, Lease, LeaseRequest, Refusal, Strategy

_ID = "preview"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One account: its place among those that are eligible (1 is first), or what keeps it out for longest."""

    account: str
    rank: int | None
    block: Block | None
    load_ppm: int
    in_flight: int
    priority: int


@dataclass(frozen=True, slots=True)
class Preview:
    """The answer, and everybody's part in it: the eligible in order, then the others, soonest back first."""

    pool: str
    now_ms: int
    strategy: Strategy
    answer: Lease | Refusal
    candidates: tuple[Candidate, ...]

    @property
    def chosen(self) -> str:
        """The account; empty if nobody can serve."""
        return self.answer.account if isinstance(self.answer, Lease) else ""

    @property
    def by_chance(self) -> bool:
        """Whether another look may choose another. A session, too, leaves its account for a much emptier one."""
        several = sum(one.rank is not None for one in self.candidates) > 1
        return isinstance(self.answer, Lease) and self.strategy is Strategy.RANDOM and several


def preview(pool: Pool, request: LeaseRequest, *, now_ms: int) -> Preview:
    """Say what `lease` would. Changes nothing that was given."""
    asked = structs.replace(request, lease_id=_ID, events=())
    answer = lease(_copy(pool, *pool.members.values(), now_ms=now_ms), asked, now_ms=now_ms)
    blocks = {name: _block(pool, member, asked, now_ms=now_ms) for name, member in pool.members.items()}
    candidates = _ordered(pool, [name for name, block in blocks.items() if block is None], asked, now_ms=now_ms)
    blocked = sorted((block for block in blocks.values() if block), key=lambda block: (block.until_ms, block.account))
    kept_out = (_candidate(pool, pool.members[block.account], asked, block=block, now_ms=now_ms) for block in blocked)
    return Preview(pool.name, now_ms, pool.settings.strategy, answer, (*candidates, *kept_out))


def _copy(pool: Pool, *members: Member, now_ms: int) -> Pool:
    copied = Pool(name=pool.name, settings=pool.settings, epoch=pool.epoch, rng=pool.rng)
    copied.members = {member.account.id: member.at(now_ms) for member in members}
    copied.holds, copied.sessions = replace(pool.holds, entries=dict(pool.holds.entries)), dict(pool.sessions)
    copied.clients, copied.learned = deepcopy(pool.clients), deepcopy(pool.learned)
    return copied


def _block(pool: Pool, member: Member, request: LeaseRequest, *, now_ms: int) -> Block | None:
    """What a pool of this one account would answer to somebody without limits of his own."""
    alone = _copy(pool, member, now_ms=now_ms)
    alone.settings = replace(pool.settings, breaker=replace(pool.settings.breaker, early_probe=False), limits=())
    answer = lease(alone, structs.replace(request, client=None), now_ms=now_ms)
    return answer.blocks[0] if isinstance(answer, Refusal) else None


def _ordered(pool: Pool, names: list[str], request: LeaseRequest, *, now_ms: int) -> list[Candidate]:
    members = [pool.members[name].at(now_ms) for name in names]
    by_chance = pool.settings.strategy is Strategy.RANDOM
    ordered = members if by_chance else in_order(pool, members, request, now_ms=now_ms)
    return [
        _candidate(pool, member, request, rank=1 if by_chance else place, now_ms=now_ms)
        for place, member in enumerate(ordered, start=1)
    ]


def _candidate(
    pool: Pool,
    member: Member,
    request: LeaseRequest,
    *,
    rank: int | None = None,
    block: Block | None = None,
    now_ms: int,
) -> Candidate:
    account, member = member.account, member.at(now_ms)
    load_ppm = learning.load_ppm(pool, member, request.group, now_ms=now_ms)
    return Candidate(account.id, rank, block, load_ppm, member.in_flight, account.priority)
