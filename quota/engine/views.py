"""What people and programs are shown of a pool: the same facts the selector looks at, at one instant.

Units are those of `types`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from quota.engine.said import Dimension
from quota.engine.types import WHOLE_POOL, Account, BreakerMode, BreakerState, Limit, PoolSettings, Scope


@dataclass(frozen=True, slots=True)
class LimitState:
    """One limit and how much of it is gone."""

    limit: Limit
    used: int
    reserved: int
    resets_ms: int


@dataclass(frozen=True, slots=True)
class HoldState:
    scope: Scope
    why: str
    until_ms: int
    group: str = ""
    model: str = ""


@dataclass(frozen=True, slots=True)
class LearnedState:
    """One of Anthropic's own limits, as its latest answer told (`at_ms`) and as reckoned since.

    `remaining` is what calls under way are not expected to take; the limit is whole again at `full_at_ms`.
    """

    group: str
    dimension: Dimension
    limit: int
    remaining: int
    full_at_ms: int
    back_at_ms: int
    """Where nothing remains: when one more will. Else 0."""
    at_ms: int


@dataclass(frozen=True, slots=True)
class AccountState:
    """One account as the selector sees it: the only source of any status shown to people."""

    id: str
    enabled: bool
    priority: int
    organization: str
    breaker: BreakerState
    mode: BreakerMode
    generation: int
    failures: int
    open_until_ms: int
    breaker_why: str
    probing: bool
    in_flight: int
    load_ppm: int
    last_used_ms: int
    day_requests: int
    day_tokens: int
    day_cost: int
    month_requests: int
    month_tokens: int
    month_cost: int
    reserved_tokens: int
    reserved_cost: int
    minute_requests: int
    limits: tuple[LimitState, ...] = ()
    holds: tuple[HoldState, ...] = ()
    learned: tuple[LearnedState, ...] = ()
    passed: int = 0
    last_turn: int = 0
    """Round robin's virtual time and the number of the latest lease: what a ranking needs beside the rest."""


@dataclass(frozen=True, slots=True)
class ClientState:
    """One client's limits and how much of them is gone."""

    id: str
    in_flight: int
    limits: tuple[LimitState, ...] = ()


@dataclass(frozen=True, slots=True)
class PoolSnapshot:
    """A pool at one instant; taking it changes nothing."""

    pool: str
    now_ms: int
    settings: PoolSettings
    leases: int
    accounts: Mapping[str, AccountState]
    configuration: tuple[Account, ...] = ()
    """The accounts as configured, in the order of `accounts`."""
    clients: Mapping[str, ClientState] = field(default_factory=dict)
    """Those that were asked for."""
    whole: ClientState = field(default_factory=lambda: ClientState(WHOLE_POOL, 0))
    """The limits of all accounts and clients together."""
