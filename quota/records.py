"""What the gateway tells the ledger: values that travel as JSON through leases, settlements and events.

Times are integer milliseconds since 1970-01-01 UTC, money is integer nano-dollars. Reading ignores fields it
does not know, so that an older worker can read what a newer gateway wrote, and raises `RecordUnreadable` for
anything else odd.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Self

import msgspec
from msgspec import structs
from msgspec.structs import force_setattr

from quota.errors import RecordUnreadable

ACTIVITY_STARTED: Final = "activity.started"
ACTIVITY_PROGRESS: Final = "activity.progress"
ACTIVITY_COMPLETED: Final = "activity.completed"
ACTIVITY_FAILED: Final = "activity.failed"
QUOTA_ALERT: Final = "quota.alert"
QUOTA_SUMMARY: Final = "quota.summary"
ERROR_MESSAGE_MAX: Final = 500
"""Characters of an upstream's message that are kept."""


class Record:
    """Part of all: a value that goes to JSON and comes back the same."""

    __slots__ = ()

    def to_json(self) -> str:
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """Raise `RecordUnreadable` if `text` is not such a record."""
        try:
            return msgspec.json.decode(text, type=cls)
        except (msgspec.MsgspecError, ValueError) as error:
            raise RecordUnreadable(cls.__name__, str(error)) from error


class TokenUsage(Record, msgspec.Struct, frozen=True):
    """Tokens of one answer by kind, as billed. `input_tokens` excludes what the cache read or wrote."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    web_searches: int = 0

    @property
    def prompt(self) -> int:
        """The whole prompt: plain input and what the cache read and wrote."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_5m_tokens + self.cache_write_1h_tokens

    @property
    def total(self) -> int:
        """All tokens, whatever they cost. Web searches are no tokens."""
        return self.prompt + self.output_tokens

    def merge(self, later: "TokenUsage") -> "TokenUsage":
        """What is known after a later report of the same answer. Reports are cumulative: the larger counts."""
        names = self.__struct_fields__
        return TokenUsage(**{name: max(getattr(self, name), getattr(later, name)) for name in names})

    def __add__(self, other: "TokenUsage") -> "TokenUsage":
        """Two different answers together."""
        return TokenUsage(**{name: value + getattr(other, name) for name, value in structs.asdict(self).items()})

    @classmethod
    def from_api(cls, usage: Mapping[str, object]) -> "TokenUsage":
        """Read the `usage` object of a message (or of a stream's event); what is absent or odd counts zero.

        Compaction iterations are not in the top-level sums, so they are added. Cache writes without a
        breakdown are taken for five-minute ones.
        """
        own = _one_usage(usage)
        if "iterations" not in usage:
            return own
        return sum((_one_usage(step) for step in _steps(usage) if step.get("type") == "compaction"), start=own)


class LeaseNote(Record, msgspec.Struct, frozen=True):
    """What the ledger must know of a call whose holder dies."""

    activity: str
    number: int
    model: str
    group: str
    session: str = ""


class AttemptRecord(Record, msgspec.Struct, frozen=True):
    """One upstream call. `outcome` is the classifier's word, `why` a short reason for people."""

    activity: str
    number: int
    account: str
    model: str
    group: str
    outcome: str
    status: int | None = None
    request_id: str = ""
    why: str = ""
    usage: TokenUsage = msgspec.field(default_factory=TokenUsage)
    cost_nano: int = 0
    price_known: bool = True
    started_ms: int = 0
    first_content_ms: int | None = None
    ended_ms: int = 0
    workspace: str = ""
    """Anthropic's id of the workspace whose key answered, where it said so."""
    estimated_tokens: int = 0
    """Charged without a report: nobody knows what the call used. `usage` holds only what was reported."""
    moved_from: str = ""
    """The account whose session this call took away."""
    cache_extra_nano: int = 0
    """Of `cost_nano`: paid for writing into the prompt cache instead of reading from it."""
    session: str = ""
    """As the caller named it."""

    @property
    def charged_tokens(self) -> int:
        """What counts against the account's limits."""
        return self.usage.total + self.estimated_tokens


class ActivityStarted(Record, msgspec.Struct, frozen=True):
    """A request came in and got its first lease. `access_key` is the key's id, never the key."""

    activity: str
    source: str
    pool: str
    model: str
    category: str = ""
    session: str = ""
    access_key: str = ""
    at_ms: int = 0
    stream: bool = False
    agent: str = ""
    parent_agent: str = ""
    """Which of a session's agents asks, and which one started that, if they say so."""


class ActivityProgress(Record, msgspec.Struct, frozen=True):
    """Attempt `number` ended with `outcome`; the request goes on."""

    activity: str
    number: int
    account: str
    outcome: str
    why: str = ""
    at_ms: int = 0


class ActivityEnded(Record, msgspec.Struct, frozen=True):
    """How a request ended, with everything that was tried. `error_message` is sanitised by the sender."""

    activity: str
    ok: bool
    account: str = ""
    model: str = ""
    usage: TokenUsage = msgspec.field(default_factory=TokenUsage)
    cost_nano: int = 0
    price_known: bool = True
    attempts: tuple[AttemptRecord, ...] = ()
    error_type: str = ""
    error_message: str = ""
    at_ms: int = 0
    decision: tuple[str, ...] = ()
    moved_from: str = ""
    """The account where the session was before this request, if it is elsewhere now."""
    move_cost_nano: int = 0
    """Of `cost_nano`: about what re-creating the session's prompt cache cost."""
    begun_ms: int = 0
    """When it came in; 0 from senders that do not say."""

    def __post_init__(self) -> None:
        force_setattr(self, "error_message", self.error_message[:ERROR_MESSAGE_MAX])


@dataclass(frozen=True, slots=True)
class AlertMoved(Record):
    """An alert opened, escalated, was resolved or acknowledged (`by` whom): its step `number`. Texts are plain."""

    alert: str
    number: int
    step: str
    pool: str
    kind: str
    level: str
    subject: str
    subject_id: str
    title: str
    text: str
    since_ms: int
    at_ms: int
    by: str = ""


@dataclass(frozen=True, slots=True)
class DaySummary(Record):
    """What a pool did on a UTC day (ISO date). `open_alerts` are titles."""

    pool: str
    day: str
    requests: int
    failures: int
    tokens: int
    cost_nano: int
    month_cost_nano: int
    open_alerts: tuple[str, ...] = ()
    outlook: str = ""


def _count(source: object, name: str) -> int:
    value = source.get(name) if isinstance(source, Mapping) else None
    return value if isinstance(value, int) and value > 0 else 0


def _steps(usage: Mapping[str, object]) -> list[Mapping[str, object]]:
    steps = usage.get("iterations")
    return [step for step in steps if isinstance(step, Mapping)] if isinstance(steps, list) else []


def _one_usage(usage: Mapping[str, object]) -> TokenUsage:
    written, tools = usage.get("cache_creation"), usage.get("server_tool_use")
    hour = _count(written, "ephemeral_1h_input_tokens") if written else 0
    five = _count(written, "ephemeral_5m_input_tokens") if written else 0
    return TokenUsage(
        input_tokens=_count(usage, "input_tokens"),
        output_tokens=_count(usage, "output_tokens"),
        cache_read_tokens=_count(usage, "cache_read_input_tokens"),
        cache_write_5m_tokens=max(five, _count(usage, "cache_creation_input_tokens") - hour),
        cache_write_1h_tokens=hour,
        web_searches=_count(tools, "web_search_requests") if tools else 0,
    )
