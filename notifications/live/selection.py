"""What a listener wants to hear, from the query of its address. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qs

from notifications.errors import LiveRefused
from notifications.kinds import Kind
from notifications.live.frames import Frame, order

SNAPSHOT: Final = "snapshot"
TYPES: Final = (*(kind.value for kind in Kind), SNAPSHOT)
RECENT: Final = 50
RECENT_MAX: Final = 500
_LONGEST: Final = 200
_KNOWN: Final = frozenset({"pool", "type", "account", "session", "recent", "last_event_id"})


@dataclass(frozen=True, slots=True)
class Selection:
    """Empty means all. `account` is an id. `recent`: so many events that happened before come first."""

    pool: str = ""
    types: frozenset[str] = frozenset()
    account: str = ""
    session: str = ""
    recent: int = RECENT
    last_event_id: str = ""

    @property
    def numbers(self) -> bool:
        """Whether snapshots are wanted."""
        return (not self.types or SNAPSHOT in self.types) and not self.session

    def wants(self, frame: Frame) -> bool:
        """Whether an event is wanted."""
        return (
            (not self.types or frame.kind in self.types)
            and self.account in {"", frame.account}
            and self.session in {"", frame.session}
        )


def selection_of(query: bytes) -> Selection:
    """Raises LiveRefused (400) for what makes no sense, so that nobody waits for events that never come."""
    said = _parsed(query)
    if unknown := sorted(said.keys() - _KNOWN):
        raise LiveRefused(400, "invalid_request", f"There is no parameter {unknown[0][:40]!r}.")
    types = frozenset(part for value in said.get("type", ()) for part in value.split(",") if part)
    if strange := sorted(types - set(TYPES)):
        raise LiveRefused(
            400, "invalid_request", f"No event is called {strange[0][:40]!r}; there are {', '.join(TYPES)}."
        )
    return Selection(
        pool=_one(said, "pool"),
        types=types,
        account=_one(said, "account"),
        session=_one(said, "session"),
        recent=_recent(_one(said, "recent")),
        last_event_id=checked_id(_one(said, "last_event_id")),
    )


def checked_id(text: str) -> str:
    """An id, or nothing. Raises LiveRefused (400) for anything else."""
    if text and order(text) is None:
        raise LiveRefused(400, "invalid_request", "The last event's id is that of no event.")
    return text


def _parsed(query: bytes) -> Mapping[str, Sequence[str]]:
    try:
        return parse_qs(query.decode("ascii"), keep_blank_values=True, max_num_fields=50, errors="strict")
    except ValueError:
        raise LiveRefused(400, "invalid_request", "The address's query cannot be read.") from None


def _one(said: Mapping[str, Sequence[str]], name: str) -> str:
    values = set(said.get(name, ()))
    if len(values) > 1 or any(len(value) > _LONGEST for value in values):
        raise LiveRefused(400, "invalid_request", f"Give one {name}, of at most {_LONGEST} characters.")
    return next(iter(values), "")


def _recent(text: str) -> int:
    if not text:
        return RECENT
    if not text.isascii() or not text.isdigit() or int(text) > RECENT_MAX:
        raise LiveRefused(400, "invalid_request", f"recent is a number from 0 to {RECENT_MAX}.")
    return int(text)
