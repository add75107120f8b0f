"""Cool-downs: who is kept from which work until when. A hold in force is never shortened by a later one."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from quota.engine.types import NEVER, Account, Hold, LeaseRequest, Scope
from quota.engine.views import HoldState

MAX_HOLDS: Final = 10_000
"""Callers choose model names: what they can make a pool remember has an end."""


@dataclass(frozen=True, slots=True)
class HoldKey:
    """Whom a hold binds: `owner` is an account's or an organization's id; empty group and model mean all."""

    scope: Scope
    owner: str
    group: str = ""
    model: str = ""


@dataclass(slots=True)
class Holds:
    entries: dict[HoldKey, tuple[int, str]] = field(default_factory=dict)
    """Key → (until in milliseconds, why)."""

    def binding(self, account: Account, request: LeaseRequest, *, now_ms: int) -> Iterator[tuple[int, str]]:
        """The holds that keep this account from this request."""
        for key in _keys(account, group=request.group, model=request.model):
            until, why = self.entries.get(key, (0, ""))
            if now_ms < until:
                yield until, why

    def add(self, key: HoldKey, *, until_ms: int, why: str) -> bool:
        """False if one at least as long is in force, or there are too many."""
        if self.entries.get(key, (0, ""))[0] >= until_ms:
            return False
        if key.model and key not in self.entries and len(self.entries) >= MAX_HOLDS:
            return False
        self.entries[key] = (until_ms, why)
        return True

    def clear(self, account: Account) -> bool:
        owned = [key for key in self.entries if key.owner in (account.id, account.organization)]
        for key in owned:
            del self.entries[key]
        return bool(owned)

    def forget_past(self, now_ms: int) -> None:
        for key in [key for key, (until, _) in self.entries.items() if until <= now_ms]:
            del self.entries[key]

    def by_owner(self, *, now_ms: int) -> Mapping[str, Sequence[HoldState]]:
        """What is in force, by account or organization."""
        found: dict[str, list[HoldState]] = {}
        for key, (until, why) in self.entries.items():
            if now_ms < until:
                found.setdefault(key.owner, []).append(HoldState(key.scope, why, until, key.group, key.model))
        return found


def holds_of(account: Account, by_owner: Mapping[str, Sequence[HoldState]]) -> tuple[HoldState, ...]:
    """An account's, its organization's among them, soonest end first."""
    found = [hold for owner in {account.id, account.organization} for hold in by_owner.get(owner, ())]
    return tuple(sorted(found, key=lambda hold: (hold.until_ms, hold.scope, hold.group, hold.model)))


def key_of(hold: Hold, account: Account) -> HoldKey:
    """An organization's hold binds the account alone while its organization is not known."""
    if hold.scope is Scope.ORGANIZATION and account.organization:
        return HoldKey(Scope.ORGANIZATION, account.organization, hold.group)
    return HoldKey(Scope.ACCOUNT, account.id, hold.group, hold.model)


def until_of(hold: Hold, *, now_ms: int) -> int:
    return min(hold.until_ms or now_ms + hold.for_ms, NEVER)


def _keys(account: Account, *, group: str, model: str) -> Iterator[HoldKey]:
    yield HoldKey(Scope.ACCOUNT, account.id)
    yield HoldKey(Scope.ACCOUNT, account.id, group)
    yield HoldKey(Scope.ACCOUNT, account.id, "", model)
    if account.organization:
        yield HoldKey(Scope.ORGANIZATION, account.organization)
        yield HoldKey(Scope.ORGANIZATION, account.organization, group)
