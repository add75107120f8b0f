"""Who takes part: organizations, their workspaces, accounts and money, and a record of what passed."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from simulator.buckets import Limits
from simulator.latency import Pace


@dataclass(slots=True)
class Purse:
    """Money of one organization or workspace. All amounts are nano-dollars; None means no such limit.

    `cap` is the tier's monthly cap (429), `limit` the one the customer set (400), `credit` a prepaid balance (400).
    """

    cap: int | None = None
    limit: int | None = None
    credit: int | None = None
    spent: dict[str, int] = field(default_factory=dict)

    def pay(self, nano: int, month: str) -> None:
        """Spend in a month."""
        self.spent[month] = self.spent.get(month, 0) + nano
        if self.credit is not None:
            self.credit -= nano


@dataclass(slots=True)
class Organization:
    """An Anthropic organization: the unit in which limits count."""

    name: str
    id: str
    admin_key: str = field(repr=False)
    created_at: float
    limits: dict[str, Limits] = field(default_factory=dict)
    purse: Purse = field(default_factory=Purse)


@dataclass(slots=True)
class Workspace:
    """A workspace of an organization; caches and resources belong to it. Its limits can only be lower."""

    name: str
    id: str
    organization: Organization
    created_at: float
    limits: dict[str, Limits] = field(default_factory=dict)
    purse: Purse = field(default_factory=Purse)
    is_default: bool = False
    archived_at: float | None = None


@dataclass(slots=True)
class Account:
    """One API key, with what was asked of it and what it served."""

    name: str
    key: str = field(repr=False)
    key_id: str
    workspace: Workspace
    created_at: float
    forbidden_models: frozenset[str] = frozenset()
    status: str = "active"
    pace: Pace | None = None
    requests: int = 0
    statuses: dict[int, int] = field(default_factory=dict)
    tokens: int = 0
    cost: int = 0
    identity: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.identity = {
            "anthropic-organization-id": self.workspace.organization.id,
            "anthropic-workspace-id": self.workspace.id,
        }

    @property
    def usable(self) -> bool:
        """Whether the key opens anything."""
        return self.status == "active" and self.workspace.archived_at is None

    @property
    def organization(self) -> Organization:
        """The organization it belongs to."""
        return self.workspace.organization


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as it arrived, and how it was answered."""

    at: float
    account: str | None
    method: str
    path: str
    status: int
    request_id: str
    fault: str | None
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)

    @property
    def summary(self) -> dict[str, float | int | str | None]:
        """What is told of it wherever it is told, but for its headers and its body."""
        return {
            "at": self.at,
            "account": self.account,
            "method": self.method,
            "path": self.path,
            "status": self.status,
            "request_id": self.request_id,
            "fault": self.fault,
        }


def limits_in_force(limits: Mapping[str, Limits], group: str, fallback: Limits) -> Limits:
    """Give an owner's limits for a model group: its own, those it has for every group, or the fallback."""
    return limits.get(group) or limits.get("*") or fallback
