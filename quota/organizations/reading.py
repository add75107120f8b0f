"""The Admin API's answers as values. Pure; money is integer nano-dollars, what is odd raises `AdminAnswerOdd`.

Source: Anthropic's Admin API as of November 2026. Amounts come as decimal texts in cents, with fractions.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any, Final, TypeVar

from quota.errors import AdminAnswerOdd
from quota.facts import TOKEN_KINDS

NANO_PER_CENT: Final = 10_000_000
DIGITS_MAX: Final = 11
"""Of an amount in cents: beyond a billion dollars something is odd, and the database could not hold it."""
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class OrganizationFacts:
    id: str
    name: str


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """One API key of the organization. `hint` is its beginning, `...` and its end."""

    id: str
    name: str
    status: str
    hint: str
    workspace_id: str = ""
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class RateLimitFacts:
    """What one group of models (or batches, files …) may do, by Anthropic's names of limits."""

    group: str
    kind: str
    models: tuple[str, ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class UsageFacts:
    """What one key used on one UTC day. `requests` is not told by the older report."""

    key_id: str
    day: date
    requests: int | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    web_searches: int = 0

    def __add__(self, other: "UsageFacts") -> "UsageFacts":
        """Both of one key and day. Requests are known if either row tells them."""
        sums = (getattr(self, name) + getattr(other, name) for name in TOKEN_KINDS)
        return UsageFacts(self.key_id, self.day, _sum(self.requests, other.requests), *sums)


@dataclass(frozen=True, slots=True)
class CostFacts:
    """What one key cost on one UTC day."""

    key_id: str
    day: date
    cost_nano: int


def merged(usage: Iterable[UsageFacts], *, also: Iterable[tuple[str, date]] = ()) -> list[UsageFacts]:
    """One row for each key and day, however many tell of it; and an empty one for each of `also` that none tells of.

    What has no key (the console, batches of a key deleted since) may come in several rows, and what costs without
    tokens (searches, code execution) in a row of costs alone.
    """
    rows: dict[tuple[str, date], UsageFacts] = {place: UsageFacts(*place) for place in also}
    for used in usage:
        place = (used.key_id, used.day)
        rows[place] = rows[place] + used if place in rows else used
    return list(rows.values())


def added_up(costs: Iterable[CostFacts]) -> dict[tuple[str, date], int]:
    """Nano-dollars by key and day."""
    sums: dict[tuple[str, date], int] = {}
    for cost in costs:
        sums[cost.key_id, cost.day] = sums.get((cost.key_id, cost.day), 0) + cost.cost_nano
    return sums


def _sum(left: int | None, right: int | None) -> int | None:
    return right if left is None else left if right is None else left + right


def organization(document: Mapping[str, Any]) -> OrganizationFacts:
    return _read(lambda: OrganizationFacts(_text(document["id"]), _text(document["name"])))


def keys(rows: Sequence[Mapping[str, Any]]) -> list[KeyFacts]:
    return _read(lambda: [_key(row) for row in rows])


def _key(row: Mapping[str, Any]) -> KeyFacts:
    scope = row.get("scope") or {}
    return KeyFacts(
        id=_text(row["id"]),
        name=_text(row.get("name") or ""),
        status=_text(row["status"]),
        hint=_text(row.get("partial_key_hint") or ""),
        workspace_id=_text(scope.get("workspace_id") or ""),
        expires_at=_instant(row["expires_at"]) if row.get("expires_at") else None,
    )


def rate_limits(rows: Sequence[Mapping[str, Any]]) -> list[RateLimitFacts]:
    return _read(lambda: [_rate_limit(row) for row in rows])


def _rate_limit(row: Mapping[str, Any]) -> RateLimitFacts:
    group = row["group"]
    limits = {_text(limit["type"]): int(limit["value"]) for limit in row["limits"] if limit.get("value") is not None}
    models = tuple(_text(model) for model in row.get("models") or ())
    return RateLimitFacts(_text(group["id"]), _text(group["type"]), models, limits)


def analytics_usage(rows: Sequence[Mapping[str, Any]]) -> list[UsageFacts]:
    """Read flat rows, grouped by key."""
    return _read(
        lambda: [_usage(row["usage"], key_id=row["group"].get("api_key_id"), starts=row["starting_at"]) for row in rows]
    )


def classic_usage(buckets: Sequence[Mapping[str, Any]]) -> list[UsageFacts]:
    """Read buckets of results, grouped by key; empty buckets are there, too."""
    return _read(
        lambda: [
            _usage(result, key_id=result.get("api_key_id"), starts=bucket["starting_at"])
            for bucket in buckets
            for result in bucket["results"]
        ]
    )


def _usage(usage: Mapping[str, Any], *, key_id: str | None, starts: str) -> UsageFacts:
    written = usage.get("cache_creation") or {}
    requests = usage.get("requests")
    return UsageFacts(
        key_id=_text(key_id or ""),
        day=_instant(starts).date(),
        requests=None if requests is None else int(requests),
        input_tokens=int(usage.get("uncached_input_tokens") or 0),
        output_tokens=int(usage.get("output_tokens") or 0),
        cache_read_tokens=int(usage.get("cache_read_input_tokens") or 0),
        cache_write_5m_tokens=int(written.get("ephemeral_5m_input_tokens") or 0),
        cache_write_1h_tokens=int(written.get("ephemeral_1h_input_tokens") or 0),
        web_searches=int((usage.get("server_tool_use") or {}).get("web_search_requests") or 0),
    )


def analytics_cost(rows: Sequence[Mapping[str, Any]]) -> list[CostFacts]:
    """Read flat rows, grouped by key."""
    return _read(lambda: [_cost(row) for row in rows])


def _cost(row: Mapping[str, Any]) -> CostFacts:
    key_id = _text(row["group"].get("api_key_id") or "")
    return CostFacts(key_id, _instant(row["starting_at"]).date(), nano_of_cents(row["cost"]["amount"]))


def nano_of_cents(amount: str) -> int:
    """`"123.45"` (cents) is 1_234_500_000 nano-dollars. Raises `AdminAnswerOdd`."""
    if not isinstance(amount, str):
        raise AdminAnswerOdd(f"an amount must be a text, not {type(amount).__name__}")
    try:
        cents = Decimal(amount)
    except InvalidOperation:
        raise AdminAnswerOdd(f"not an amount of money: {amount[:40]!r}") from None
    if not cents.is_finite() or cents.adjusted() >= DIGITS_MAX:
        raise AdminAnswerOdd(f"not an amount of money: {amount[:40]!r}")
    return int((cents * NANO_PER_CENT).to_integral_value())


def refreshed_at(document: Mapping[str, Any]) -> datetime | None:
    """Until when a report is complete, where it says so."""
    said = document.get("data_refreshed_at")
    return _read(lambda: _instant(said)) if said else None


def _read(work: Callable[[], T]) -> T:
    try:
        return work()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise AdminAnswerOdd(f"{type(error).__name__}: {error}") from None


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a text was expected, not {type(value).__name__}")
    return value


def _instant(text: str) -> datetime:
    instant = datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
