"""The engine's vocabulary: values that cross its border. No behaviour, no IO.

Units: times are integer milliseconds (instants: since 1970-01-01 UTC by the store's clock), money is integer
nano-dollars (1 USD = 1_000_000_000), tokens are tokens. Ids of pools, accounts, organizations, groups and leases are
opaque non-empty strings without control characters.

What is made anew for each call is a `msgspec.Struct`: a frozen dataclass of a dozen fields takes ten times as long.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import msgspec

from quota.engine.said import Said

NEVER: Final = 1 << 52
"""An instant that does not come (milliseconds); what waits for it needs a person."""


WHOLE_POOL: Final = ""
"""The client whom every lease of a pool counts for, whoever asks; its limits are those of the settings."""


class Strategy(StrEnum):
    """How eligible accounts are ranked."""

    ROUND_ROBIN = "round_robin"
    LEAST_LOADED = "least_loaded"
    RANDOM = "random"
    PRIORITY = "priority"


class Metric(StrEnum):
    REQUESTS = "requests"
    TOKENS = "tokens"
    COST = "cost"


class Window(StrEnum):
    """A minute is any 60-second span; days and months are calendar UTC."""

    MINUTE = "minute"
    DAY = "day"
    MONTH = "month"


class BreakerState(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class BreakerMode(StrEnum):
    """What people said; it wins over what the breaker found out."""

    AUTO = "auto"
    FORCED_OPEN = "forced_open"
    FORCED_CLOSED = "forced_closed"


class Verdict(StrEnum):
    """What one upstream call says about its account."""

    SUCCESS = "success"  # ends a run of failures; closes a half-open breaker
    FAILURE = "failure"  # counts; reopens a half-open breaker
    OVERLOADED = "overloaded"  # a 529: a failure, unless several accounts see it at once
    REJECTED = "rejected"  # 401 and its like: the key is dead, unless several accounts say so at once
    ALIVE = "alive"  # the account answers (a throttle, the caller's 400): runs stay, half-open closes
    NEUTRAL = "neutral"  # says nothing (the caller left, our own fault): only frees the probe


class Reason(StrEnum):
    """Why an account cannot take a request now."""

    DISABLED = "disabled"
    MODEL_NOT_ALLOWED = "model_not_allowed"
    TRIED = "tried"
    FORCED_OPEN = "forced_open"
    BREAKER_OPEN = "breaker_open"
    PROBING = "probing"
    COOLING = "cooling"
    CONCURRENCY = "concurrency"
    LIMIT = "limit"
    RATE_LIMIT = "rate_limit"  # by what Anthropic says of its own limits


class Scope(StrEnum):
    ACCOUNT = "account"
    ORGANIZATION = "organization"


@dataclass(frozen=True, slots=True)
class Limit:
    """At most `amount` of `metric` per `window`."""

    metric: Metric
    window: Window
    amount: int


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """When a breaker opens and closes. Defaults: 5 failures in a row, 300 s, one good probe."""

    threshold: int = 5
    open_ms: int = 300_000
    successes_to_close: int = 1
    early_probe: bool = False
    """When every account is open, let the one closest to recovery be probed, once per 5 s for the pool."""


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """A pool's rules. `version` orders edits: an older one never overwrites a newer one."""

    version: int
    strategy: Strategy = Strategy.LEAST_LOADED
    affinity: bool = True
    affinity_ttl_ms: int = 3_600_000
    affinity_margin_ppm: int = 250_000
    """A session moves when its account is fuller than the best one by more than this (1_000_000 = a whole limit)."""
    breaker: BreakerSettings = field(default_factory=BreakerSettings)
    outage_guard: bool = True
    """529s of several accounts at once move no breaker (from three enabled accounts up)."""
    limits: tuple["Limit", ...] = ()
    """Of all accounts and clients together."""
    learning: bool = True
    """Go by what Anthropic's answers say of its own limits."""
    serve_degraded: bool = True
    """While the store is away each process admits its share of what was left; False: refuse instead."""


@dataclass(frozen=True, slots=True)
class Account:
    """What the engine must know of one account. `models`: None allows all."""

    id: str
    enabled: bool = True
    priority: int = 100
    weight: int = 1
    limits: tuple[Limit, ...] = ()
    max_concurrency: int | None = None
    models: tuple[str, ...] | None = None
    organization: str = ""


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks, with limits of its own that hold whichever account serves. They are those of the latest lease."""

    id: str
    limits: tuple[Limit, ...] = ()
    max_concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class Usage:
    """What an account or a client has used this UTC day and month before the engine was (re)loaded."""

    day: int
    """Days since 1970-01-01 UTC."""
    day_requests: int = 0
    day_tokens: int = 0
    day_cost: int = 0
    month_requests: int = 0
    month_tokens: int = 0
    month_cost: int = 0


@dataclass(frozen=True, slots=True)
class Foreign:
    """What was used of an account on a UTC day and in its month that did not pass through the pool."""

    day_tokens: int = 0
    day_cost: int = 0
    month_tokens: int = 0
    month_cost: int = 0


class Event(msgspec.Struct, frozen=True):
    """A fact for others: `type` names it, `payload` is text (JSON by convention) the engine never reads."""

    type: str
    payload: str = ""


class LeaseRequest(msgspec.Struct, frozen=True):
    """Ask for the right to make one call. `lease_id` makes the ask repeatable: the same id gets the same grant."""

    pool: str
    lease_id: str
    model: str
    group: str
    """The model group in which Anthropic counts limits."""
    tokens: int = 0
    cost: int = 0
    tried: tuple[str, ...] = ()
    """Accounts that failed this request. A lease without them is its first, and counts as a request of the client."""
    client: Client | None = None
    session: str = ""
    only: str = ""
    """Lease on this account or on none (resources pinned to their owner)."""
    ttl_ms: int = 120_000
    note: str = ""
    """Opaque; comes back in the event if the holder dies."""
    events: tuple[Event, ...] = ()
    """Appended to the stream only if the lease is granted, in the same step."""
    input_tokens: int = 0
    """Of `tokens`, those of the prompt."""


class Lease(msgspec.Struct, frozen=True):
    """The right to make one call on one account until `deadline_ms`."""

    id: str
    pool: str
    account: str
    generation: int
    probe: bool
    """This call is the one that decides whether a half-open breaker closes."""
    granted_ms: int
    deadline_ms: int
    day: int
    """The UTC day (days since 1970-01-01) whose limits it counts against."""
    sticky: bool = False
    """The session's own account was chosen."""
    moved_from: str = ""
    """The account the session was on before, if this lease moved it."""
    tokens: int = 0
    cost: int = 0
    """What was reserved."""
    epoch: str = ""
    """The life of the store that granted it; after a loss the store has another."""
    client: str = ""
    """Whose limits it counts against, beside the account's."""


@dataclass(frozen=True, slots=True)
class Block:
    """One account's reason not to serve, and the first instant at which that may have changed."""

    account: str
    reason: Reason
    until_ms: int
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Nobody can serve this now. `retry_at_ms` is the soonest real time worth trying (NEVER if none is known)."""

    pool: str
    now_ms: int
    retry_at_ms: int
    blocks: tuple[Block, ...]
    """One per account, soonest first; at most 64 for huge pools."""
    limited: Block | None = None
    """The client's own limit that lasts longest (`account` is empty), or the whole pool's (`account` is the pool).
    Then no account was looked at.
    """

    @property
    def retry_after_ms(self) -> int:
        return max(0, self.retry_at_ms - self.now_ms)


@dataclass(frozen=True, slots=True)
class Hold:
    """Keep an account (or its organization) away from some or all work until a time; never shortens one in force."""

    scope: Scope
    why: str
    """A short word for people and alerts: throttle, ramp, spend_limit, billing, on_hold, model…"""
    until_ms: int = 0
    """An instant; or, if 0, `for_ms` from the settlement on."""
    for_ms: int = 0
    group: str = ""
    """Only this model group; empty: all."""
    model: str = ""
    """Only this model (account scope); empty: all."""


class Settlement(msgspec.Struct, frozen=True):
    """What really happened. `sent=False` gives everything back, the request itself included."""

    verdict: Verdict
    tokens: int = 0
    cost: int = 0
    sent: bool = True
    why: str = ""
    """Shown as the breaker's reason, e.g. `http 503` or `connect timeout`."""
    holds: tuple[Hold, ...] = ()
    organization: str = ""
    """Learned from `anthropic-organization-id`; remembered for the account."""
    said: Said | None = None
    """What the answer's headers say of Anthropic's own limits."""
    note: str = ""
    """Opaque; carried in the `lease.settled` event."""
    granted: Lease | None = None
    """The grant itself, so that a store that has lost it (wiped, or away while the call was admitted locally) still
    charges and records the call, once."""
    events: tuple[Event, ...] = ()


class Settled(msgspec.Struct, frozen=True):
    """What settling did. `changed` is False for a lease already settled or never granted."""

    changed: bool
    late: bool = False
    """The lease had expired; its estimate was charged and is now corrected."""
    account: str = ""
