"""One request through the pool, as a value: what is asked, what came of it, what is answered. Pure."""

from typing import Final

import msgspec

from gateway.outcomes import Outcome
from gateway.usage import Reading
from quota.engine.said import Said
from quota.engine.types import Client

LEASE_TTL_MS: Final = 120_000
"""How long a dead process keeps its share; longer calls renew."""
ATTEMPTS: Final = 3
POINTLESS_MS: Final = 600_000
"""Nobody should hold a request open longer than the SDKs' own ten minutes."""


class Call(msgspec.Struct, frozen=True):
    """What the loop must know of a request. `tokens` and `cost` are the estimate to reserve."""

    activity: str
    pool: str
    model: str
    group: str
    tokens: int = 0
    input_tokens: int = 0
    """Of `tokens`, those of the prompt."""
    cost: int = 0
    session: str = ""
    """What the caller calls it; shown to people."""
    affinity: str = ""
    """What keeps the session on its account: its name, namespaced by who asks."""
    agent: str = ""
    parent_agent: str = ""
    only: str = ""
    source: str = "client"
    category: str = ""
    access_key: str = ""
    """The key's id, never the key."""
    caller: str = ""
    """What people call the one who asks: the access key's name."""
    client: Client | None = None
    """Whose limits count beside the accounts': the access key's, if it is one."""
    stream: bool = False
    attempts: int = ATTEMPTS
    wait_ms: int = 0
    """How long the request may wait for somebody to become able to serve it."""
    seats: int = 100
    """So many requests of the pool may wait at a time (in this process); one more is refused at once."""
    lease_ms: int = LEASE_TTL_MS
    strategy: str = ""
    """How the pool ranks accounts; only said in the decision chain."""


class Returned(msgspec.Struct, frozen=True):
    """One upstream call is over (`request_id`, `organization` and `workspace` come from its headers)."""

    outcome: Outcome
    reading: Reading = msgspec.field(default_factory=Reading)
    generated_tokens: int = 0
    request_id: str = ""
    organization: str = ""
    workspace: str = ""
    said: Said | None = None
    """What the headers say of Anthropic's own limits."""
    first_content_ms: int | None = None
    delivering: bool = False
    """The caller already has the beginning of this answer: whatever happened, there is no other."""


class OwnAnswer(msgspec.Struct, frozen=True):
    """An error of ours, in Anthropic's terms. `retry_after_ms` is the soonest real time worth trying again."""

    status: int
    type: str
    message: str
    retry_after_ms: int | None = None
    should_retry: bool | None = None


class UpstreamAnswer(msgspec.Struct, frozen=True):
    """Attempt `number`'s own answer, unchanged but for these headers of ours."""

    number: int
    retry_after_ms: int | None = None
    should_retry: bool | None = None


class Delivered(msgspec.Struct, frozen=True):
    """The answer has gone (or is going) to the caller."""

    ok: bool


FinalAnswer = OwnAnswer | UpstreamAnswer | Delivered
