"""One sentence for each notice, as the live view shows it. Pure; plain text, to be escaped by whoever shows it."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from notifications.kinds import (
    NEVER_MS,
    AccountFreed,
    AccountHeld,
    AgentEnded,
    AgentProgress,
    AgentStarted,
    AlertStep,
    BreakerMoved,
    DailySummary,
    Kind,
    Notice,
    PoolTroubled,
)
from notifications.slack_text import utc

Names = Mapping[str, str]

_ALERTS: Final = {
    Kind.ALERT_OPENED: "Alert",
    Kind.ALERT_ESCALATED: "Alert, worse now",
    Kind.ALERT_RESOLVED: "Over",
    Kind.ALERT_ACKNOWLEDGED: "Seen",
}


def sentence(notice: Notice, *, names: Names) -> str:
    """What happened. `names` maps ids of accounts to what people call them."""
    match notice.fact:
        case AgentStarted() | AgentProgress() | AgentEnded():
            return _of_a_request(notice.kind, notice.fact, names=names)
        case PoolTroubled() as fact:
            return _troubled(notice.kind, fact)
        case BreakerMoved() as fact:
            return _breaker(notice.kind, fact, names=names)
        case AccountHeld() as fact:
            return _held(notice.kind, fact, names=names)
        case AccountFreed() as fact:
            return f"{_name(fact.account, names)} is back: its hold was lifted{_by(fact.actor)}"
        case AlertStep() | DailySummary() as fact:
            return _of_a_pool(notice.kind, fact)


def _of_a_pool(kind: Kind, fact: AlertStep | DailySummary) -> str:
    if isinstance(fact, AlertStep):
        return f"{_ALERTS[kind]}: {fact.title}{_by(fact.by)}"
    cost = f"${Decimal(fact.cost_nano).scaleb(-9):.2f}"
    return f"{fact.day}: {fact.requests:,} requests, {fact.failures:,} failures, {fact.tokens:,} tokens, {cost}"


def _of_a_request(kind: Kind, fact: AgentStarted | AgentProgress | AgentEnded, *, names: Names) -> str:
    match fact:
        case AgentStarted():
            return f"{fact.model or 'A request'} asked for{_of('session', fact.session)}"
        case AgentProgress():
            why = fact.why or fact.outcome
            return f"{_name(fact.account, names)} failed a request ({why}), the next account is tried"
        case AgentEnded():
            return _ended(kind, fact, names=names)


def _ended(kind: Kind, fact: AgentEnded, *, names: Names) -> str:
    tries = f", {fact.attempts} attempts" if fact.attempts > 1 else ""
    if kind is Kind.AGENT_FAILED:
        error = ": ".join(part for part in (fact.error_type, fact.error_message) if part)
        return f"A request failed{tries}: {error or 'nobody said why'}"
    took = f"{Decimal(fact.duration_ms).scaleb(-3):.1f} s"
    cost = f"${Decimal(fact.cost_nano).scaleb(-9):.4f}"
    return f"{_name(fact.account, names)} answered in {took}, {fact.tokens:,} tokens, {cost}{tries}"


def _breaker(kind: Kind, fact: BreakerMoved, *, names: Names) -> str:
    name, why = _name(fact.account, names), f" ({fact.why})" if fact.why else ""
    if fact.mode == "forced_open":
        return f"{name}: breaker forced open{_by(fact.actor)}{why}"
    if fact.mode == "forced_closed":
        return f"{name}: breaker forced closed{_by(fact.actor)}{why}"
    if kind is Kind.BREAKER_OPENED:
        return f"{name}: breaker opened{why}"
    if kind is Kind.BREAKER_HALF_OPEN:
        return f"{name}: breaker half-open, one request tries whether it answers"
    return f"{name}: breaker closed{_by(fact.actor)}, it serves again"


def _held(kind: Kind, fact: AccountHeld, *, names: Names) -> str:
    whole = " and its organization" if fact.scope == "organization" and fact.organization else ""
    part = fact.model or fact.group
    of_what = f" for {part}" if part else ""
    until = "until a person acts" if fact.until_ms >= NEVER_MS else f"until {utc(fact.until_ms)}"
    word = "is out" if kind is Kind.ACCOUNT_OUT else "cools down"
    why = ": ".join(said for said in (fact.why.replace("_", " "), fact.detail) if said)
    return f"{_name(fact.account, names)}{whole} {word}{of_what} {until} ({why})"


def _troubled(kind: Kind, fact: PoolTroubled) -> str:
    if kind is Kind.OUTAGE:
        return f"Anthropic is overloaded: {fact.count} accounts say so at once, no breaker moves"
    return f"{fact.count} keys were rejected at once ({fact.why}): look at the network and the base URL"


def _name(account: str, names: Names) -> str:
    return names.get(account) or account[:8] or "No account"


def _by(actor: str) -> str:
    return f" by {actor}" if actor else ""


def _of(what: str, name: str) -> str:
    return f" ({what} {name})" if name else ""
