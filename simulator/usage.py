"""What was really served, kept by the minute: the ground truth behind every report."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from simulator.billing import Cost
from simulator.reply import Bill

MINUTE = 60


@dataclass(frozen=True, slots=True)
class Dimensions:
    """Everything a report can be grouped or filtered by."""

    organization: str
    workspace_id: str
    api_key_id: str
    model: str
    service_tier: str
    context_window: str
    inference_geo: str
    speed: str
    claude_code: bool = False
    nobody: None = None


@dataclass(slots=True)
class Tally:
    """Sums of one minute (or any longer span). Costs are nano-dollars."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    web_searches: int = 0
    costs: dict[str, int] = field(default_factory=dict)

    @property
    def total_tokens(self) -> int:
        """Tokens of every kind."""
        written = self.cache_write_5m_tokens + self.cache_write_1h_tokens
        return self.input_tokens + self.output_tokens + self.cache_read_tokens + written

    @property
    def cost(self) -> int:
        """Nano-dollars of every kind."""
        return sum(self.costs.values())

    def add_bill(self, bill: Bill, cost: Cost) -> None:
        """Count one served request."""
        self.requests += 1
        self.input_tokens += bill.input_tokens
        self.output_tokens += bill.output_tokens
        self.cache_read_tokens += bill.cache_read_tokens
        self.cache_write_5m_tokens += bill.cache_write_5m_tokens
        self.cache_write_1h_tokens += bill.cache_write_1h_tokens
        self.web_searches += bill.web_searches
        for kind, nano in cost.by_kind():
            self.costs[kind] = self.costs.get(kind, 0) + nano

    def add(self, other: "Tally") -> None:
        """Count everything another tally holds."""
        self.requests += other.requests
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens
        self.cache_read_tokens += other.cache_read_tokens
        self.cache_write_5m_tokens += other.cache_write_5m_tokens
        self.cache_write_1h_tokens += other.cache_write_1h_tokens
        self.web_searches += other.web_searches
        for kind, nano in other.costs.items():
            self.costs[kind] = self.costs.get(kind, 0) + nano


class UsageLog:
    """Tallies per (minute, dimensions)."""

    def __init__(self) -> None:
        self._minutes: dict[tuple[int, Dimensions], Tally] = {}

    def record(self, dimensions: Dimensions, bill: Bill, cost: Cost, *, now: float) -> None:
        """Add one served request to its minute."""
        key = (int(now) // MINUTE * MINUTE, dimensions)
        tally = self._minutes.get(key)
        if tally is None:
            tally = self._minutes[key] = Tally()
        tally.add_bill(bill, cost)

    def between(self, start: float, end: float, *, organization: str) -> Iterator[tuple[int, Dimensions, Tally]]:
        """Give (minute, dimensions, tally) of one organization for start <= minute < end."""
        for (minute, dimensions), tally in self._minutes.items():
            if start <= minute < end and dimensions.organization == organization:
                yield minute, dimensions, tally
