"""A batch's bill in the engine's and the ledger's words. Pure.

# Note [How a batch is charged]
What a batch costs is known when it has ended, up to a day after the call that made it, so no lease can hold it. Each
of its models is charged as the settlement of a grant that the engine has never seen: it charges and records such a
grant once, whatever limits say, and its verdict is history (`Settlement.granted`). The grant's id is made from the
batch's, so that charging again changes nothing: the engine remembers it for a day, the ledger for good. It counts as
one request of the day on which the batch ended, which is when Anthropic bills it.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway import billing
from gateway.batches.results import Part
from gateway.instants import DAY_MS
from quota.catalog import group_of
from quota.engine.types import Event, Lease, Settlement, Verdict
from quota.records import (
    ACTIVITY_COMPLETED,
    ACTIVITY_STARTED,
    ActivityEnded,
    ActivityStarted,
    AttemptRecord,
)

SOURCE: Final = "batch"
"""Where activities that are a batch's bill came in."""
_EPOCH: Final = "batch"
"""No store's own life: see Note [How a batch is charged]."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One that has ended. `client` is whose limits its cost counts against, beside the account's and the pool's."""

    id: str
    account: str
    pool: str
    client: str
    created_at: datetime
    ended_at: datetime

    @property
    def ended_ms(self) -> int:
        return int(self.ended_at.timestamp() * 1_000)

    @property
    def activity(self) -> str:
        """The id of the activity that is this batch's bill, the same however often it is written."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"nubabel:{self.id}"))


def settlements(batch: Batch, parts: Sequence[Part]) -> tuple[Settlement, ...]:
    """Give what to settle, one for each model, in this order; nothing if nothing was used."""
    records = tuple(_record(batch, part, number) for number, part in enumerate(parts, start=1))
    return tuple(_settlement(batch, record, events=_events(batch, records, record)) for record in records)


def lease_id(batch: Batch, number: int) -> str:
    """Give the id under which the engine and the ledger know the bill's part `number`."""
    return f"{batch.id}.{number}"


def _record(batch: Batch, part: Part, number: int) -> AttemptRecord:
    return AttemptRecord(
        activity=batch.activity,
        number=number,
        account=batch.account,
        model=part.model,
        group=group_of(part.model),
        outcome="success",
        request_id=batch.id,
        why=f"{part.answers} answers of a batch",
        usage=part.usage,
        cost_nano=part.cost_nano,
        price_known=part.known,
        started_ms=batch.ended_ms,
        ended_ms=batch.ended_ms,
    )


def _settlement(batch: Batch, record: AttemptRecord, *, events: tuple[Event, ...]) -> Settlement:
    return Settlement(
        verdict=Verdict.SUCCESS,
        tokens=record.usage.total,
        cost=record.cost_nano,
        why=record.why,
        note=record.to_json(),
        granted=_grant(batch, record),
        events=events,
    )


def _grant(batch: Batch, record: AttemptRecord) -> Lease:
    return Lease(
        id=lease_id(batch, record.number),
        pool=batch.pool,
        account=batch.account,
        generation=0,
        probe=False,
        granted_ms=batch.ended_ms,
        deadline_ms=batch.ended_ms,
        day=batch.ended_ms // DAY_MS,
        tokens=record.usage.total,
        cost=record.cost_nano,
        epoch=_EPOCH,
        client=batch.client,
    )


def _events(batch: Batch, records: Sequence[AttemptRecord], record: AttemptRecord) -> tuple[Event, ...]:
    """The activity begins with the bill's first part and ends with its last."""
    began = (_started(batch, records),) if record is records[0] else ()
    return (*began, _ended(batch, records)) if record is records[-1] else began


def _started(batch: Batch, records: Sequence[AttemptRecord]) -> Event:
    record = ActivityStarted(
        activity=batch.activity,
        source=SOURCE,
        pool=batch.pool,
        model=_model(records),
        access_key=batch.client,
        at_ms=batch.ended_ms,
    )
    return Event(ACTIVITY_STARTED, record.to_json())


def _ended(batch: Batch, records: Sequence[AttemptRecord]) -> Event:
    spent = billing.total(tuple(map(billing.of_record, records)))
    record = ActivityEnded(
        activity=batch.activity,
        ok=True,
        account=batch.account,
        model=_model(records),
        usage=spent.usage,
        cost_nano=spent.cost_nano,
        price_known=spent.known,
        attempts=tuple(records),
        at_ms=batch.ended_ms,
        decision=(_line(batch, records),),
        begun_ms=batch.ended_ms,
    )
    return Event(ACTIVITY_COMPLETED, record.to_json())


def _line(batch: Batch, records: Sequence[AttemptRecord]) -> str:
    answers = ", ".join(f"{record.model}: {record.why}" for record in records)
    return f"batch {batch.id}, made {batch.created_at:%Y-%m-%d %H:%M} UTC: {answers}; charged at the price of batches"


def _model(records: Sequence[AttemptRecord]) -> str:
    return records[0].model if len(records) == 1 else ""
