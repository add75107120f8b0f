"""Stream entries as the engine writes them, for tests. Ids and times are made of one number each: n milliseconds."""

import uuid
from typing import Any

from quota.engine.stream import StreamEntry
from quota.records import AttemptRecord, LeaseNote, Record, TokenUsage

DAY = 20_780
NOON_MS = (DAY * 24 + 12) * 3_600_000
POOL = uuid.UUID(int=1)
ALICE = uuid.UUID(int=0xA)
BOB = uuid.UUID(int=0xB)


def activity(number: int) -> str:
    return str(uuid.UUID(int=1_000 + number))


def entry(at: int, kind: str, **fields: Any) -> StreamEntry:
    texts = {name: str(value) for name, value in fields.items()}
    return StreamEntry(id=f"{NOON_MS + at}-0", type=kind, at_ms=NOON_MS + at, fields=texts)


def event(at: int, kind: str, record: Record) -> StreamEntry:
    return entry(at, kind, payload=record.to_json())


def expired(
    at: int,
    *,
    lease: str = "lease-1",
    account: uuid.UUID = ALICE,
    tokens: int = 1_000,
    cost: int = 9_000,
    note: LeaseNote | str | None = None,
    day: int = DAY,
    client: str = "",
) -> StreamEntry:
    return entry(
        at,
        "lease.expired",
        pool=POOL,
        lease=lease,
        account=account,
        day=day,
        tokens=tokens,
        cost=cost,
        granted_ms=NOON_MS,
        note=_text(note),
        client=client,
    )


def settled(  # noqa: PLR0913 - a field each
    at: int,
    *,
    lease: str = "lease-1",
    account: uuid.UUID = ALICE,
    tokens: int = 15,
    cost: int = 700,
    verdict: str = "success",
    late: bool = False,
    sent: bool = True,
    note: AttemptRecord | str | None = None,
    day: int = DAY,
    organization: str = "",
    client: str = "",
) -> StreamEntry:
    return entry(
        at,
        "lease.settled",
        pool=POOL,
        lease=lease,
        account=account,
        day=day,
        verdict=verdict,
        tokens=tokens,
        cost=cost,
        est_tokens=1_000,
        est_cost=9_000,
        late=int(late),
        sent=int(sent),
        granted_ms=NOON_MS,
        organization=organization,
        note=_text(note),
        client=client,
    )


def attempt(number: int = 1, *, of: int = 1, account: uuid.UUID = ALICE, **more: Any) -> AttemptRecord:
    usual: dict[str, Any] = {
        "model": "claude-opus-5",
        "group": "opus-5",
        "outcome": "success",
        "usage": TokenUsage(5, 10),
    }
    return AttemptRecord(activity=activity(of), number=number, account=str(account), **(usual | more))


def lease_note(number: int = 1, *, of: int = 1, session: str = "") -> LeaseNote:
    return LeaseNote(activity=activity(of), number=number, model="claude-opus-5", group="opus-5", session=session)


def _text(note: Record | str | None) -> str:
    return note.to_json() if isinstance(note, Record) else note or ""
