"""Which notices deserve a Slack message, and what it says. Pure: values in, values out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from notifications.kinds import (
    NEVER_MS,
    AccountFreed,
    AccountHeld,
    AgentEnded,
    BreakerMoved,
    Kind,
    Notice,
    PoolTroubled,
)
from notifications.slack_blocks import Channel, Parts, SlackMessage, compose
from notifications.slack_text import dollars, quoted, seconds, utc

NAME_LIMIT: Final = 150
DETAIL_LIMIT: Final = 900
NAMES_SHOWN: Final = 5

_REASONS: Final = {
    "invalid_key": "Anthropic rejects its key: enter a valid one",
    "spend_limit": "Its spend limit is reached: raise it, or wait",
    "billing": "Its credit is used up: pay, or wait",
    "on_hold": "Anthropic put its organization on hold",
}


@dataclass(frozen=True, slots=True)
class Audience:
    """What ids are called, whom to mention where a person must act, and whether completed requests do so too."""

    names: Mapping[str, str]
    user: str = ""
    mention_completed: bool = True

    def name(self, it: str) -> str:
        """What people call `it` (or how its id begins), escaped."""
        return quoted(self.names.get(it) or it[:8] or "unknown", limit=NAME_LIMIT)


def message_for(notice: Notice, *, audience: Audience) -> SlackMessage | None:
    """The message a notice deserves; None for what is only worth seeing live."""
    match notice.fact:
        case AgentEnded() as fact:
            return compose(Channel.ACTIVITY, _agent_ended(notice, fact, audience=audience))
        case BreakerMoved() | AccountHeld() | AccountFreed() | PoolTroubled():
            parts = _alert(notice, audience=audience)
            return compose(Channel.ALERT, parts) if parts else None
    return None


def greeting(*, channel: Channel, user: str, at_ms: int) -> SlackMessage:
    """The message of a test."""
    detail = f"This is where {channel.value} messages arrive. Nothing is wrong."
    return compose(channel, Parts(":wave: Test from the Claude pool", detail, when=utc(at_ms), user=user))


def _alert(notice: Notice, *, audience: Audience) -> Parts | None:
    match notice.kind, notice.fact:
        case Kind.BREAKER_OPENED, BreakerMoved() as fact:
            return _breaker_opened(notice, fact, audience=audience)
        case Kind.BREAKER_CLOSED, BreakerMoved() as fact:
            return _breaker_closed(notice, fact, audience=audience)
        case Kind.ACCOUNT_OUT, AccountHeld() as fact:
            return _account_out(notice, fact, audience=audience)
        case Kind.ACCOUNT_BACK, AccountFreed() as fact:
            return _account_back(notice, fact, audience=audience)
        case _, PoolTroubled() as fact:
            return _pool_troubled(notice, fact, audience=audience)
    return None


def _agent_ended(notice: Notice, fact: AgentEnded, *, audience: Audience) -> Parts:
    failed = notice.kind is Kind.AGENT_FAILED
    error = ": ".join(it for it in (fact.error_type, fact.error_message) if it)
    return Parts(
        title=":x: Request failed" if failed else ":white_check_mark: Request completed",
        detail=quoted(error, limit=DETAIL_LIMIT) if failed else "",
        facts={
            "Account": audience.name(fact.account) if fact.account else "none could serve it",
            "Model": quoted(fact.model or "unknown", limit=NAME_LIMIT),
            "Took": f"{seconds(fact.duration_ms)}, attempts: {fact.attempts}",
            "Used": f"{fact.tokens:,} tokens, {_cost(fact)}",
        },
        about=f"activity {quoted(fact.activity, limit=NAME_LIMIT)}",
        when=utc(notice.at_ms),
        user=audience.user if failed or audience.mention_completed else "",
    )


def _cost(fact: AgentEnded) -> str:
    return dollars(fact.cost_nano) if fact.price_known else f"{dollars(fact.cost_nano)} (price not known)"


def _breaker_opened(notice: Notice, fact: BreakerMoved, *, audience: Audience) -> Parts:
    if fact.mode == "forced_open":
        then = f"Forced open{_by(fact.actor)}; stays open until a person changes it."
    else:
        then = f"Tried again from {utc(fact.until_ms)} on and back by itself if that succeeds."
    return Parts(
        title=f":red_circle: Circuit open: {audience.name(fact.account)}",
        detail=f"{_because(fact.why)}{then}",
        about=f"pool {audience.name(fact.pool)}",
        when=utc(notice.at_ms),
    )


def _breaker_closed(notice: Notice, fact: BreakerMoved, *, audience: Audience) -> Parts:
    return Parts(
        title=f":large_green_circle: Recovered: {audience.name(fact.account)}",
        detail=f"{_because(fact.why)}Its circuit is closed{_by(fact.actor)}, it serves again.",
        about=f"pool {audience.name(fact.pool)}",
        when=utc(notice.at_ms),
    )


def _account_out(notice: Notice, fact: AccountHeld, *, audience: Audience) -> Parts:
    whole = fact.scope == "organization" and fact.organization
    until = "a person acts" if fact.until_ms >= NEVER_MS else utc(fact.until_ms)
    detail = f" ({quoted(fact.detail, limit=DETAIL_LIMIT)})" if fact.detail else ""
    also = " and its whole organization" if whole else ""
    return Parts(
        title=f":no_entry: Out: {audience.name(fact.account)}{also}",
        detail=f"{_because(_REASONS.get(fact.why, fact.why))}Out until {until}{detail}.",
        about=f"pool {audience.name(fact.pool)}",
        when=utc(notice.at_ms),
        user=audience.user if fact.why in _REASONS or fact.until_ms >= NEVER_MS else "",
    )


def _account_back(notice: Notice, fact: AccountFreed, *, audience: Audience) -> Parts:
    return Parts(
        title=f":large_green_circle: Back: {audience.name(fact.account)}",
        detail=f"Its hold was lifted{_by(fact.actor)}.",
        about=f"pool {audience.name(fact.pool)}",
        when=utc(notice.at_ms),
    )


def _pool_troubled(notice: Notice, fact: PoolTroubled, *, audience: Audience) -> Parts:
    outage = notice.kind is Kind.OUTAGE
    title = "Anthropic is overloaded" if outage else "Several keys rejected together"
    return Parts(
        title=f":rotating_light: {title}",
        detail=f"{_because(fact.why)}{_OUTAGE if outage else _COMMON_CAUSE}",
        facts={"Accounts": _names(fact, audience=audience)},
        about=f"pool {audience.name(fact.pool)}",
        when=utc(notice.at_ms),
        user="" if outage else audience.user,
    )


_COMMON_CAUSE: Final = (
    "The keys are hardly all bad: look at the network's way out and at the base URL. No account was disabled for it."
)
_OUTAGE: Final = "Several accounts answer 529 at once. That is not theirs, so no circuit moves and they are tried on."


def _names(fact: PoolTroubled, *, audience: Audience) -> str:
    shown = ", ".join(audience.name(it) for it in fact.accounts[:NAMES_SHOWN])
    more = len(fact.accounts) - NAMES_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown or f"{fact.count:,}"


def _because(why: str) -> str:
    return f"{quoted(why, limit=DETAIL_LIMIT)}. " if why else ""


def _by(actor: str) -> str:
    return f" by {quoted(actor, limit=NAME_LIMIT)}" if actor else ""
