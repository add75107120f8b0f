"""Which notices deserve a Slack message, and what it says. Pure: values in, values out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from notifications.kinds import (
    AgentEnded,
    AgentProgress,
    AgentStarted,
    AlertStep,
    DailySummary,
    Kind,
    Notice,
    PoolTroubled,
)
from notifications.slack_blocks import Channel, Parts, SlackMessage, compose
from notifications.slack_text import dollars, lasted, quoted, seconds, utc

NAME_LIMIT: Final = 150
DETAIL_LIMIT: Final = 900
NAMES_SHOWN: Final = 5

_SIGNS: Final = {"warning": ":warning:", "critical": ":red_circle:", "exhausted": ":rotating_light:"}


@dataclass(frozen=True, slots=True)
class Audience:
    """What ids are called, whom to mention where a person must act, and whether completed requests do so too."""

    names: Mapping[str, str]
    user: str = ""
    mention_completed: bool = True

    def name(self, it: str) -> str:
        """What people call `it` (or how its id begins), escaped."""
        return quoted(self.names.get(it) or it[:8] or "unknown", limit=NAME_LIMIT)


def message_for(notice: Notice, *, audience: Audience) -> SlackMessage | None:  # noqa: PLR0911 - a table
    """The message a notice deserves; None for what is only worth seeing live."""
    match notice.fact:
        case AgentStarted() as started:
            return compose(Channel.ACTIVITY, _agent_started(notice, started, audience=audience))
        case AgentProgress() as progress:
            return compose(Channel.ACTIVITY, _agent_progress(notice, progress, audience=audience))
        case AgentEnded() as ended:
            return compose(Channel.ACTIVITY, _agent_ended(notice, ended, audience=audience))
        case AlertStep() as step:
            return compose(Channel.ALERT, _alert(notice, step, audience=audience))
        case PoolTroubled() as trouble:
            return compose(Channel.ALERT, _pool_troubled(notice, trouble, audience=audience))
        case DailySummary() as summary:
            return compose(Channel.ALERT, _summary(notice, summary, audience=audience))
    return None


def greeting(*, channel: Channel, user: str, at_ms: int) -> SlackMessage:
    """The message of a test."""
    detail = f"This is where {channel.value} messages arrive. Nothing is wrong."
    return compose(channel, Parts(":wave: Test from the Claude pool", detail, when=utc(at_ms), user=user))


def _agent_started(notice: Notice, fact: AgentStarted, *, audience: Audience) -> Parts:
    return Parts(
        title=":arrow_forward: Request started",
        facts={
            "Model": quoted(fact.model or "unknown", limit=NAME_LIMIT),
            "Pool": audience.name(fact.pool),
            "From": quoted(" ".join(filter(None, (fact.source, fact.category))) or "unknown", limit=NAME_LIMIT),
        },
        about=f"activity {quoted(fact.activity, limit=NAME_LIMIT)}",
        when=utc(notice.at_ms),
    )


def _agent_progress(notice: Notice, fact: AgentProgress, *, audience: Audience) -> Parts:
    return Parts(
        title=f":hourglass_flowing_sand: Attempt {fact.number} on {audience.name(fact.account)} ended, it goes on",
        detail=quoted(": ".join(filter(None, (fact.outcome, fact.why))), limit=DETAIL_LIMIT),
        about=f"activity {quoted(fact.activity, limit=NAME_LIMIT)}",
        when=utc(notice.at_ms),
    )


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


def _alert(notice: Notice, fact: AlertStep, *, audience: Audience) -> Parts:
    said = quoted(fact.title, limit=DETAIL_LIMIT)
    titles = {
        Kind.ALERT_OPENED: f"{_SIGNS.get(fact.level, '')} {said}",
        Kind.ALERT_ESCALATED: f"{_SIGNS.get(fact.level, '')} {said}",
        Kind.ALERT_RESOLVED: f":large_green_circle: Over: {said}",
        Kind.ALERT_ACKNOWLEDGED: f":eyes: Seen by {quoted(fact.by, limit=NAME_LIMIT)}: {said}",
    }
    news = notice.kind in {Kind.ALERT_OPENED, Kind.ALERT_ESCALATED}
    over = f"It lasted {lasted(notice.at_ms - fact.since_ms)}." if notice.kind is Kind.ALERT_RESOLVED else ""
    return Parts(
        title=titles[notice.kind],
        detail=quoted(fact.text, limit=DETAIL_LIMIT) if news else over,
        about=f"pool {audience.name(fact.pool)}",
        when=utc(notice.at_ms),
        user=audience.user if news and fact.level != "warning" else "",
    )


def _summary(notice: Notice, fact: DailySummary, *, audience: Audience) -> Parts:
    alerts = ", ".join(quoted(title, limit=NAME_LIMIT) for title in fact.open_alerts[:NAMES_SHOWN])
    return Parts(
        title=f":bar_chart: {audience.name(fact.pool)} on {quoted(fact.day, limit=NAME_LIMIT)}",
        detail=quoted(fact.outlook, limit=DETAIL_LIMIT),
        facts={
            "Calls": f"{fact.requests:,}, failed: {fact.failures:,}",
            "Used": f"{fact.tokens:,} tokens, {dollars(fact.cost_nano)}",
            "Month so far": dollars(fact.month_cost_nano),
            "Open alerts": f"{len(fact.open_alerts)}: {alerts}" if alerts else "none",
        },
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
