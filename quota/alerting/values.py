"""The vocabulary of alerts: values without behaviour to speak of. Pure.

Times are integer milliseconds since 1970-01-01 UTC, money is integer nano-dollars, shares are whole percent.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from quota.engine.types import WHOLE_POOL, Client, Limit
from quota.organizations.counts import Line


class Level(StrEnum):
    """How bad it is; `rank` orders them."""

    WARNING = "warning"
    CRITICAL = "critical"
    EXHAUSTED = "exhausted"

    @property
    def rank(self) -> int:
        return tuple(Level).index(self)


class CauseKind(StrEnum):
    LIMIT = "limit"
    HOLD = "hold"
    INVALID_KEY = "invalid_key"
    BREAKER = "breaker"
    POOL_LOW = "pool_low"
    POOL_EMPTY = "pool_empty"
    DRIFT = "drift"
    """Anthropic's count of an account is not ours."""
    RATE_LIMITS = "rate_limits"
    """What accounts may do here is not what Anthropic allows them."""
    REDIS_AWAY = "redis_away"


class Subject(StrEnum):
    """Whom a cause is about."""

    ACCOUNT = "account"
    ORGANIZATION = "organization"
    ACCESS_KEY = "access_key"
    POOL = "pool"


class StepKind(StrEnum):
    """What can happen to an alert."""

    OPENED = "opened"
    ESCALATED = "escalated"
    RESOLVED = "resolved"
    ACKNOWLEDGED = "acknowledged"


@dataclass(frozen=True, slots=True)
class Cause:
    """What an alert is about. Of one cause there is one open alert; `detail` tells causes of one subject apart."""

    kind: CauseKind
    subject: Subject
    id: str
    detail: str = ""

    @property
    def key(self) -> str:
        return f"{self.kind}:{self.subject}:{self.id}:{self.detail}"


@dataclass(frozen=True, slots=True)
class Finding:
    """A cause as it stands now. `level` None: not bad enough to raise an alert, not good enough to end one."""

    cause: Cause
    level: Level | None
    name: str = ""
    """What people call the subject."""
    title: str = ""
    text: str = ""
    limit: Limit | None = None
    used: int = 0
    """Used and reserved, in the limit's metric."""
    until_ms: int = 0
    """When it ends by itself; 0: nobody knows."""


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert as the decision needs it. `cause` is `Cause.key`."""

    id: str
    cause: str
    kind: CauseKind
    detail: str
    level: Level
    calm_since_ms: int | None = None
    """Since when its cause is gone, while it waits to be sure."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """A pool's settings: from which share of a limit on, in percent, and how many accounts ought to serve."""

    warning: int = 80
    critical: int = 95
    exhausted: int = 100
    serving: int = 2


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What the database knows of an account. `budget`: a limit that only alerts."""

    name: str
    enabled: bool = True
    disabled_reason: str = ""
    budget: Limit | None = None


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """An access key with everything it is limited to. `budgets`: those of its limits that only alert."""

    name: str
    client: Client
    budgets: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two counts may be apart: an alert needs more than `percent` of the larger, and at least the amount."""

    percent: int = 5
    cost_nano: int = 1_000_000_000
    tokens: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Compared:
    """One account's days, the latest first. Anthropic's count is complete for days before `final`."""

    lines: tuple[Line, ...]
    final: date


@dataclass(frozen=True, slots=True)
class LimitsChanged:
    """Anthropic changed what a group of models may do; limits by Anthropic's names."""

    group: str
    before: Mapping[str, int]
    now: Mapping[str, int]
    at: datetime


@dataclass(frozen=True, slots=True)
class AllowedFacts:
    """What Anthropic allows an organization: requests per minute of each group of models, and what changed lately."""

    name: str
    requests_per_minute: Mapping[str, int] = field(default_factory=dict)
    changed: tuple[LimitsChanged, ...] = ()


@dataclass(frozen=True, slots=True)
class Told:
    """What the Admin API told: by account, and by Anthropic's id of the organization."""

    compared: Mapping[str, Compared] = field(default_factory=dict)
    allowed: Mapping[str, AllowedFacts] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scene:
    """What must be known beside the engine's snapshot. Keys of the mappings are ids."""

    pool: str
    name: str
    thresholds: Thresholds = field(default_factory=Thresholds)
    accounts: Mapping[str, AccountFacts] = field(default_factory=dict)
    keys: Mapping[str, KeyFacts] = field(default_factory=dict)
    budget: Limit | None = None
    budget_stops: bool = False
    """Whether requests are refused once the pool's budget is used up."""
    told: Told = field(default_factory=Told)
    tolerance: Tolerance | None = None
    """None: a difference of counts is no matter."""
    counts_foreign: bool = False
    """Whether what did not pass through the pool counts against its accounts' limits."""

    @property
    def clients(self) -> tuple[Client, ...]:
        """Whom the snapshot must be asked about."""
        keys = tuple(key.client for key in self.keys.values())
        return (Client(WHOLE_POOL, (self.budget,)), *keys) if self.budget else keys
