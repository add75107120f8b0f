"""What leases and settlements do with what Anthropic's answers say: pure in the same sense as `pool`.

What is said belongs to a model group of an organization, whichever of its accounts was told; to the account alone
while its organization is not known.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from quota.engine import learned as records
from quota.engine.learned import Learned, Taken
from quota.engine.members import Granted, Member
from quota.engine.pool import Pool
from quota.engine.types import Account, Block, LeaseRequest, Reason, Scope, Settlement
from quota.engine.views import LearnedState

MAX_LEARNED: Final = 10_000
"""Callers choose model names: what they can make a pool remember has an end."""
CONSIDERED: Final = 32
"""Of so many, the first in the strategy's order, the one with the most room at Anthropic is taken."""


def key_of(account: Account, group: str) -> str:
    owner = f"{Scope.ORGANIZATION}|{account.organization}" if account.organization else f"{Scope.ACCOUNT}|{account.id}"
    return f"{owner}|{group}"


def known(pool: Pool, account: Account, group: str) -> Learned | None:
    """What was learned of this group for this account, if the pool goes by it."""
    return pool.learned.get(key_of(account, group)) if pool.settings.learning else None


def blocks(pool: Pool, account: Account, request: LeaseRequest, *, now_ms: int) -> Iterator[Block]:
    """Anthropic's own limits in the way of this request."""
    learned = known(pool, account, request.group)
    if learned is not None:
        for until, words in records.obstacles(learned, request.input_tokens, now_ms=now_ms):
            yield Block(account.id, Reason.RATE_LIMIT, until, words)


def load_ppm(pool: Pool, member: Member, group: str, *, now_ms: int) -> int:
    """An account's load for this group: its own fullest limit, or its organization's at Anthropic."""
    learned = known(pool, member.account, group)
    return max(member.load_ppm, records.load_ppm(learned, now_ms=now_ms) if learned else 0)


def emptiest_first(pool: Pool, ordered: Sequence[Member], group: str, *, now_ms: int) -> list[Member]:
    """Members in the order of their own load, reordered by what Anthropic has left for those at the head."""
    head = sorted(ordered[:CONSIDERED], key=lambda member: load_ppm(pool, member, group, now_ms=now_ms))
    return [*head, *ordered[CONSIDERED:]]


def take(pool: Pool, account: Account, request: LeaseRequest, *, now_ms: int) -> Taken | None:
    """A lease is granted."""
    learned, key = known(pool, account, request.group), key_of(account, request.group)
    if learned is None:
        return None
    return records.take(learned, key, tokens=request.input_tokens, now_ms=now_ms)


def listen(pool: Pool, member: Member, granted: Granted, settlement: Settlement, *, now_ms: int) -> None:
    """An answer has come: correct what was reckoned by what it says."""
    said = settlement.said
    if said is None or not pool.settings.learning:
        return
    learned = _record(pool, key_of(member.account, said.group))
    if learned is None:
        return
    taken = granted.taken if granted.taken and granted.taken.key == key_of(member.account, said.group) else None
    records.hear(learned, said, taken, granted_ms=granted.lease.granted_ms, now_ms=now_ms)
    records.finish(learned, said, taken, now_ms=now_ms)


def _record(pool: Pool, key: str) -> Learned | None:
    if key not in pool.learned and len(pool.learned) < MAX_LEARNED:
        pool.learned[key] = Learned()
    return pool.learned.get(key)


def forget(pool: Pool, account: Account) -> bool:
    """Drop what was learned for an account and for its organization. Whether there was anything."""
    owned = [key for key in pool.learned if _owned(key, account)]
    for key in owned:
        del pool.learned[key]
    return bool(owned)


def by_owner(pool: Pool, *, now_ms: int) -> dict[str, list[LearnedState]]:
    """What is known, by `key_of` an owner without a group."""
    found: dict[str, list[LearnedState]] = {}
    for key, learned in sorted(pool.learned.items()):
        scope, owner, group = key.split("|", 2)
        found.setdefault(f"{scope}|{owner}|", []).extend(_states(group, learned, now_ms=now_ms))
    return found


def _states(group: str, learned: Learned, *, now_ms: int) -> Iterator[LearnedState]:
    for dimension, level in sorted(learned.levels.items()):
        yield LearnedState(
            group=group,
            dimension=dimension,
            limit=level.limit,
            remaining=records.shown(learned, dimension, now_ms=now_ms),
            full_at_ms=round(level.full_at_ms),
            back_at_ms=records.back_at_ms(learned, dimension, now_ms=now_ms),
            at_ms=learned.at_ms,
        )


def _owned(key: str, account: Account) -> bool:
    return key.startswith(key_of(account, ""))
