"""Every key the engine uses, built in one place. All of a pool's carry one hash tag: they live on one node."""

from collections.abc import Sequence
from functools import lru_cache

_PARTS = (
    "settings",
    "clock",
    "accounts",
    "ready",
    "wake",
    "leases",
    "lease",
    "expired",
    "holds",
    "whys",
    "waves",
    "adopted",
    "events",
    "clients",
    "learned",
)


def prefix(pool: str) -> str:
    return f"nb:{{{pool}}}:"


def events_key(pool: str) -> str:
    """The pool's stream of facts."""
    return prefix(pool) + "events"


@lru_cache(maxsize=1024)
def pool_keys(pool: str) -> tuple[bytes, ...]:
    """KEYS 1 to 15 of every script, in the order of `lua/fields.lua`."""
    return tuple((prefix(pool) + part).encode() for part in _PARTS)


def session_key(pool: str, session: str) -> bytes:
    """KEYS 16 of the lease script."""
    return f"{prefix(pool)}session:{session}".encode()


def hash_tag(command: Sequence[object]) -> bytes:
    """The hash tag of a command's first key; nothing for one without keys, or whose key has none."""
    at = 3 if command[0] in {"EVAL", "EVALSHA"} else 1
    if command[0] in {"XREAD", "XREADGROUP"}:
        at = next((at for at, part in enumerate(command) if part in {"STREAMS", b"STREAMS"}), 0) + 1
    key = command[at] if len(command) > at else b""
    raw = key.encode() if isinstance(key, str) else key if isinstance(key, bytes) else b""
    return raw.partition(b"{")[2].partition(b"}")[0]
