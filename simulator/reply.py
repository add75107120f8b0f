"""What the wire will do, as a value: faults are functions on it, and only `wire.py` carries it out."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Pause:
    """Say nothing for a while."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Hang:
    """Say nothing until somebody opens the gate or the client goes away."""


@dataclass(frozen=True, slots=True)
class Abort:
    """Reset the connection here and now."""


Step = bytes | Pause | Hang | Abort


@dataclass(frozen=True, slots=True)
class Bill:
    """What a served request costs its organization, once it is known how much of the answer was produced."""

    account: str
    model: str
    group: str
    input_tokens: int
    output_tokens: int
    thinking_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_5m_tokens: int = 0
    cache_write_1h_tokens: int = 0
    web_searches: int = 0
    speed: str = "standard"
    geo: str = ""
    batch: bool = False
    claude_code: bool = False

    @property
    def prompt_tokens(self) -> int:
        """Everything on the input side, cached or not."""
        return self.input_tokens + self.cache_read_tokens + self.cache_write_5m_tokens + self.cache_write_1h_tokens

    @property
    def total_tokens(self) -> int:
        """Tokens of every kind."""
        return self.prompt_tokens + self.output_tokens


@dataclass(frozen=True, slots=True)
class Reply:
    """One response: `before` happens ahead of the status line, `steps` make the body.

    A `foreign` one comes from something in front of the API (an edge, a proxy), so it carries none of its headers.
    """

    status: int
    headers: Mapping[str, str]
    steps: tuple[Step, ...] = ()
    before: tuple[Step, ...] = ()
    chunked: bool = False
    foreign: bool = False
    bill: Bill | None = field(default=None, repr=False)

    @property
    def body(self) -> bytes:
        """All bytes of the body, pauses left out."""
        return b"".join(step for step in self.steps if isinstance(step, bytes))

    @property
    def is_plain(self) -> bool:
        """Whether it is nothing but one body of known length (the fast path)."""
        return not self.chunked and not self.before and all(isinstance(step, bytes) for step in self.steps)

    def with_headers(self, headers: Mapping[str, str]) -> "Reply":
        """Give a copy with these headers added or replaced."""
        merged = {**self.headers, **headers}
        return Reply(self.status, merged, self.steps, self.before, self.chunked, self.foreign, self.bill)
