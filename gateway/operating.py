"""What an operator may order of accounts, whichever face it came by; each order says in words what became of it."""

import asyncio
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from django.utils import timezone

from accounts.models import ClaudeAccount
from accounts.services import disable_account, enable_account
from gateway.trial import DEADLINE_SECONDS, Trial, try_key
from quota import control
from quota.engine.errors import EngineError
from quota.errors import NoAdminKey
from quota.organizations.of_account import organizations_of
from quota.organizations.sync import Outcome, sync_these

TESTING_SECONDS: Final = 20.0
"""For all keys tested at once; those it does not suffice for are said to be untested."""
_MODELS_NAMED: Final = 3


class Order(StrEnum):
    """What can be ordered."""

    ENABLE = "enable"
    DISABLE = "disable"
    RESET_CIRCUIT = "reset_circuit"
    FORCE_OPEN = "force_open"
    FORCE_CLOSED = "force_closed"
    CLEAR_COOL_DOWN = "clear_cool_down"
    TEST = "test"
    SYNC = "sync"
    """Ask Anthropic's Admin API about the account's organization."""


@dataclass(frozen=True, slots=True)
class Told:
    """What became of one order. `warning`: what is worth knowing beside it."""

    ok: bool
    text: str
    warning: str = ""


def operate(accounts: Iterable[ClaudeAccount], order: Order, *, actor: str) -> Iterator[Told]:
    """Carry an order out, account by account. Never raises for the engine or for a bad key."""
    due = time.monotonic() + TESTING_SECONDS
    asked: dict[uuid.UUID, Outcome] = {}
    for account in accounts:
        if order is Order.TEST:
            yield _tested(account, within=min(DEADLINE_SECONDS, due - time.monotonic()))
        elif order is Order.SYNC:
            yield _synced(account, asked)
        elif order in _SWITCHES:
            yield _switched(account, enabled=order is Order.ENABLE, actor=actor)
        else:
            yield _ordered(account, order, actor=actor)


def said_of(account: ClaudeAccount, trial: Trial) -> Told:
    """A trial in words: whose key it is, what it may use, how long it took, or what is wrong."""
    facts = [f"organization {trial.organization_id}"] if trial.organization_id else []
    if trial.models:
        named = ", ".join(trial.models[:_MODELS_NAMED]) + (", …" if len(trial.models) > _MODELS_NAMED else "")
        facts.append(f"{len(trial.models)} models ({named})")
    if trial.status:
        facts.append(f"answered in {trial.took_ms} ms")
    learned = f" {'; '.join(facts)}.".replace(" o", " O", 1) if facts else ""
    detail = f" Anthropic says: {trial.detail}" if trial.detail and not trial.works else ""
    return Told(trial.works, f"{account.name}: {trial.message}{learned}{detail}", _shared(account, trial))


def _shared(account: ClaudeAccount, trial: Trial) -> str:
    if not trial.shares_organization_with:
        return ""
    others = ", ".join(trial.shares_organization_with)
    return (
        f"{account.name} belongs to the same organization as {others}. Anthropic's limits are the organization's: "
        "together they have no more capacity than one of them, and they cool down together."
    )


def _tested(account: ClaudeAccount, *, within: float) -> Told:
    if within <= 0:
        return Told(False, f"{account.name}: not tested, the time was up. Test fewer at once.")
    return said_of(account, try_key(account, within=within))


def _synced(account: ClaudeAccount, asked: dict[uuid.UUID, Outcome]) -> Told:
    """Each organization is asked once, however many of its accounts are named."""
    try:
        theirs = organizations_of(account)
    except NoAdminKey as nobody:
        return Told(False, f"{account.name}: {nobody}")
    fresh = [one for one in theirs if one.pk not in asked]
    outcomes = asyncio.run(sync_these(fresh, now=timezone.now()))
    asked.update((one.pk, outcome) for one, outcome in zip(fresh, outcomes, strict=True))
    if wrong := [outcome for outcome in (asked[one.pk] for one in theirs) if not outcome.ok]:
        return Told(False, f"{account.name}: {wrong[0].organization}: {wrong[0].why}. {wrong[0].mend}")
    return Told(True, f"{account.name}: in step with what Anthropic says of its organization.")


def _switched(account: ClaudeAccount, *, enabled: bool, actor: str) -> Told:
    word = "enabled" if enabled else "disabled"
    done = enable_account(account) if enabled else disable_account(account, why=f"by {actor}")
    return Told(True, f"{account.name}: {word}." if done else f"{account.name} was {word} already.")


def _ordered(account: ClaudeAccount, order: Order, *, actor: str) -> Told:
    try:
        _CONTROLS[order](account, actor)
    except EngineError:
        return Told(False, f"{account.name}: nothing was changed, because Redis does not answer. Try again.")
    return Told(True, f"{account.name}: {_DONE[order]}.")


def _reset(account: ClaudeAccount, actor: str) -> None:
    control.reset_breaker(account.pool_id, str(account.pk), actor=actor)


def _force_open(account: ClaudeAccount, actor: str) -> None:
    control.force_open(account.pool_id, str(account.pk), actor=actor, why=f"by {actor}")


def _force_closed(account: ClaudeAccount, actor: str) -> None:
    control.force_closed(account.pool_id, str(account.pk), actor=actor, why=f"by {actor}")


def _clear(account: ClaudeAccount, actor: str) -> None:
    control.clear_cooldown(account.pool_id, str(account.pk), actor=actor)


_SWITCHES: Final = frozenset({Order.ENABLE, Order.DISABLE})
_CONTROLS: Final[Mapping[Order, Callable[[ClaudeAccount, str], None]]] = {
    Order.RESET_CIRCUIT: _reset,
    Order.FORCE_OPEN: _force_open,
    Order.FORCE_CLOSED: _force_closed,
    Order.CLEAR_COOL_DOWN: _clear,
}
_DONE: Final = {
    Order.RESET_CIRCUIT: "circuit reset: closed, its failures forgotten",
    Order.FORCE_OPEN: "forced open: it gets no requests until a person resets it",
    Order.FORCE_CLOSED: "forced closed: it is used whatever its breaker finds, until a person resets it",
    Order.CLEAR_COOL_DOWN: "cool-downs cleared, its organization's too",
}
