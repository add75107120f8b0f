"""Reading the engine's event stream: where it is and what an entry says."""

from collections.abc import Mapping
from dataclasses import dataclass

from quota.engine.keys import events_key


@dataclass(frozen=True, slots=True)
class StreamEntry:
    """One fact. `at_ms` is when the store wrote it down; `fields` are all but the type."""

    id: str
    type: str
    at_ms: int
    fields: Mapping[str, str]


def stream_key(pool: str) -> str:
    return events_key(pool)


def decode(entry_id: bytes | str, fields: Mapping[bytes, bytes]) -> StreamEntry:
    """Raises KeyError or UnicodeDecodeError for an entry the engine did not write."""
    name = entry_id.decode() if isinstance(entry_id, bytes) else entry_id
    texts = {key.decode(): value.decode() for key, value in fields.items()}
    kind = texts.pop("type")
    return StreamEntry(id=name, type=kind, at_ms=int(name.partition("-")[0]), fields=texts)
