"""What people are told about: the kinds of notices and the values they carry.

Pure values, no Django, no IO. `translation.py` makes them from the engine's stream, `relay.py` spreads them.
Times are milliseconds since 1970 UTC, money is nano-dollars; ids are the opaque ids of accounts and pools.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Final

NEVER_MS: Final = 1 << 52
"""From this instant on, a time means "not by itself": a person must act."""


class Kind(StrEnum):
    AGENT_STARTED = "agent_started"
    AGENT_PROGRESS = "agent_progress"
    AGENT_COMPLETED = "agent_completed"
    AGENT_FAILED = "agent_failed"
    HOLD = "hold"  # a passing cool-down: seen live, worth no message
    ACCOUNT_OUT = "account_out"  # out for long, or until a person acts
    ACCOUNT_BACK = "account_back"
    BREAKER_OPENED = "breaker_opened"
    BREAKER_HALF_OPEN = "breaker_half_open"
    BREAKER_CLOSED = "breaker_closed"
    OUTAGE = "outage"
    COMMON_CAUSE = "common_cause"
    ALERT_OPENED = "alert_opened"
    ALERT_ESCALATED = "alert_escalated"
    ALERT_RESOLVED = "alert_resolved"
    ALERT_ACKNOWLEDGED = "alert_acknowledged"
    DAILY_SUMMARY = "daily_summary"


@dataclass(frozen=True, slots=True)
class AgentStarted:
    activity: str
    pool: str
    source: str
    model: str
    category: str
    session: str
    stream: bool

    @property
    def subject(self) -> tuple[str, ...]:
        return (self.activity,)


@dataclass(frozen=True, slots=True)
class AgentProgress:
    """One attempt ended and another begins."""

    activity: str
    number: int
    account: str
    outcome: str
    why: str

    @property
    def subject(self) -> tuple[str, ...]:
        return (self.activity, str(self.number))


@dataclass(frozen=True, slots=True)
class AgentEnded:
    """A request's end. `error_type` and `error_message` are empty when all went well."""

    activity: str
    account: str
    model: str
    tokens: int
    cost_nano: int
    price_known: bool
    attempts: int
    duration_ms: int
    error_type: str = ""
    error_message: str = ""

    @property
    def subject(self) -> tuple[str, ...]:
        return (self.activity,)


@dataclass(frozen=True, slots=True)
class BreakerMoved:
    """`mode` and `actor` are set when a person did it; `gen` numbers the breaker's states."""

    pool: str
    account: str
    gen: int
    before: str
    after: str
    why: str
    until_ms: int
    actor: str = ""
    mode: str = ""

    @property
    def subject(self) -> tuple[str, ...]:
        return (self.pool, self.account, str(self.gen), self.mode)


@dataclass(frozen=True, slots=True)
class AccountHeld:
    """An account, or its whole `organization`, takes no work (of one model `group` or `model`, if named).

    `why` is a short word, `detail` what Anthropic said, if that is known.
    """

    pool: str
    account: str
    scope: str
    organization: str
    why: str
    until_ms: int
    group: str = ""
    model: str = ""
    detail: str = ""

    @property
    def subject(self) -> tuple[str, ...]:
        whole = self.scope == "organization" and self.organization
        return (self.pool, self.organization if whole else self.account, self.why, self.group, self.model)


@dataclass(frozen=True, slots=True)
class AccountFreed:
    """A hold was lifted by `actor` before its time."""

    pool: str
    account: str
    actor: str

    @property
    def subject(self) -> tuple[str, ...]:
        return (self.pool, self.account)


@dataclass(frozen=True, slots=True)
class PoolTroubled:
    """`count` accounts of a pool have the same trouble at once, so it is not theirs; `accounts` if they are named."""

    pool: str
    count: int
    accounts: tuple[str, ...] = ()
    why: str = ""

    @property
    def subject(self) -> tuple[str, ...]:
        return (self.pool,)


@dataclass(frozen=True, slots=True)
class AlertStep:
    """Step `number` of an alert. `subject_id` is an account's, an organization's, an access key's or the pool's id;
    `title` and `text` are plain text, `by` is set when a person did it.
    """

    alert: str
    number: int
    pool: str
    cause: str
    level: str
    about: str
    subject_id: str
    title: str
    text: str
    since_ms: int
    by: str = ""

    @property
    def subject(self) -> tuple[str, ...]:
        return (self.alert, str(self.number))


@dataclass(frozen=True, slots=True)
class DailySummary:
    """What a pool did on a UTC day (`2026-11-22`). `open_alerts` are titles, `outlook` is plain text."""

    pool: str
    day: str
    requests: int
    failures: int
    tokens: int
    cost_nano: int
    month_cost_nano: int
    open_alerts: tuple[str, ...] = ()
    outlook: str = ""

    @property
    def subject(self) -> tuple[str, ...]:
        return (self.pool, self.day)


Fact = (
    AgentStarted
    | AgentProgress
    | AgentEnded
    | BreakerMoved
    | AccountHeld
    | AccountFreed
    | PoolTroubled
    | AlertStep
    | DailySummary
)


@dataclass(frozen=True, slots=True)
class Notice:
    """One fact for people. `id` is the stream's id, so a reader can say how far it got."""

    id: str
    kind: Kind
    at_ms: int
    fact: Fact

    @property
    def account(self) -> str:
        return getattr(self.fact, "account", "")

    @property
    def pool(self) -> str:
        return getattr(self.fact, "pool", "")

    def as_message(self, *, names: Mapping[str, str]) -> dict[str, object]:
        """The notice as plain JSON values for browsers; `names` maps ids to what people call them."""
        named = {"account_name": names.get(self.account), "pool_name": names.get(self.pool)}
        known = {role: name for role, name in named.items() if name}
        return {**asdict(self.fact), **known, "type": self.kind.value, "id": self.id, "at_ms": self.at_ms}
