"""Stream entries read into facts. Pure.

Whatever an entry says about money counts even where the rest of it is unreadable: then the call is recorded without
its details and the entry is set aside with a complaint.
"""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from msgspec import structs

from quota import records
from quota.errors import EntryUnreadable
from quota.facts import (
    ENDED,
    ERROR,
    LONG,
    NAME,
    STARTED,
    WORD,
    ActivityFacts,
    ActivityStatus,
    AttemptFacts,
    AttemptState,
    alive,
    fell_silent,
)
from quota.parsing import amount, instant, maybe_id, maybe_instant, number, status, text
from quota.records import ActivityEnded, ActivityProgress, ActivityStarted, AttemptRecord, LeaseNote, TokenUsage


class Entry(Protocol):
    """What `quota.engine.stream.decode` gives."""

    @property
    def id(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def at_ms(self) -> int: ...
    @property
    def fields(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class Rejection:
    """Anthropic does not take this account's key any more."""

    account_id: uuid.UUID
    why: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Acquittal:
    """So many keys were refused at once that the cause is a common one: these are not dead after all."""

    account_ids: tuple[uuid.UUID, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Reading:
    """What one entry told. `complaint` says what of it could not be read."""

    attempt: AttemptFacts | None = None
    activity: ActivityFacts | None = None
    rejection: Rejection | None = None
    acquittal: Acquittal | None = None
    complaint: str = ""


def read(pool_id: uuid.UUID, entry: Entry) -> Reading:
    """Read one entry of a pool's stream; kinds that do not concern the ledger give an empty reading.

    Raises `EntryUnreadable` if it makes no sense at all.
    """
    reader = _READERS.get(entry.type)
    if reader is None:
        return Reading()
    try:
        return reader(pool_id, entry)
    except (KeyError, ValueError, OverflowError) as error:
        raise EntryUnreadable(f"{entry.type}: {type(error).__name__}: {error}") from error


def _settled(pool_id: uuid.UUID, entry: Entry) -> Reading:
    fields = entry.fields
    sent = fields.get("sent", "1") != "0"
    verdict = text(fields.get("verdict", ""), WORD)
    bare = replace(
        _lease(pool_id, entry, AttemptState.LATE if fields.get("late") == "1" else AttemptState.SETTLED),
        counted_requests=int(sent),
        # What was never sent was given back, whatever the settlement says of tokens.
        tokens=amount(fields["tokens"]) if sent else 0,
        cost_nano=amount(fields["cost"]) if sent else 0,
        estimated_tokens=amount(fields.get("est_tokens", "0")),
        estimated_cost_nano=amount(fields.get("est_cost", "0")),
        verdict=verdict,
        outcome=verdict,
    )
    attempt, complaint = _with_note(bare, fields.get("note", ""), _told)
    return Reading(attempt, _still_running(attempt, entry), complaint=complaint)


def _expired(pool_id: uuid.UUID, entry: Entry) -> Reading:
    tokens, cost = amount(entry.fields["tokens"]), amount(entry.fields["cost"])
    bare = replace(
        _lease(pool_id, entry, AttemptState.EXPIRED),
        tokens=tokens,
        cost_nano=cost,
        estimated_tokens=tokens,
        estimated_cost_nano=cost,
        outcome=AttemptState.EXPIRED.value,
        why="nobody settled it in time; its estimate is charged",
    )
    attempt, complaint = _with_note(bare, entry.fields.get("note", ""), _noted)
    return Reading(attempt, _fallen_silent(attempt, entry), complaint=complaint)


def _lease(pool_id: uuid.UUID, entry: Entry, state: AttemptState) -> AttemptFacts:
    fields = entry.fields
    lease_id = fields["lease"]
    if not 0 < len(lease_id) <= LONG:
        raise ValueError("no lease id")
    return AttemptFacts(
        lease_id=text(lease_id, LONG),
        pool_id=pool_id,
        account_id=uuid.UUID(fields["account"]),
        state=state,
        entry=entry.id,
        usage_day=(instant(0) + timedelta(days=int(fields["day"]))).date(),
        granted_at=instant(fields["granted_ms"]),
        access_key=text(fields.get("client", ""), NAME),
    )


def _with_note(
    bare: AttemptFacts, note: str, told: Callable[[AttemptFacts, str], AttemptFacts]
) -> tuple[AttemptFacts, str]:
    if not note:
        return bare, ""
    try:
        return told(bare, note), ""
    except (ValueError, OverflowError) as error:
        return bare, f"the call is charged, but its note is unreadable: {error}"


def _told(bare: AttemptFacts, note: str) -> AttemptFacts:
    record = AttemptRecord.from_json(note)
    usage = record.usage if bare.counted_requests else TokenUsage()
    return replace(
        bare,
        activity_id=maybe_id(record.activity),
        number=number(record.number),
        model=text(record.model, NAME),
        group=text(record.group, NAME),
        price_known=record.price_known,
        outcome=text(record.outcome, WORD),
        why=text(record.why, LONG),
        status=status(record.status),
        session=text(record.session, LONG),
        request_id=text(record.request_id, NAME),
        started_at=maybe_instant(record.started_ms),
        first_content_at=maybe_instant(record.first_content_ms),
        ended_at=maybe_instant(record.ended_ms),
        **_spent(usage),
    )


def _noted(bare: AttemptFacts, note: str) -> AttemptFacts:
    record = LeaseNote.from_json(note)
    return replace(
        bare,
        activity_id=maybe_id(record.activity),
        number=number(record.number),
        model=text(record.model, NAME),
        group=text(record.group, NAME),
        session=text(record.session, LONG),
    )


def _still_running(attempt: AttemptFacts, entry: Entry) -> ActivityFacts | None:
    facts = _activity_of(attempt, entry, ActivityStatus.RUNNING, alive(attempt.number))
    if facts is None or attempt.verdict == "success":
        return facts
    return replace(facts, error_type=attempt.outcome, error_message=attempt.why)


def _fallen_silent(attempt: AttemptFacts, entry: Entry) -> ActivityFacts | None:
    facts = _activity_of(attempt, entry, ActivityStatus.UNKNOWN, fell_silent(attempt.number))
    return facts and replace(
        facts,
        cost_nano=attempt.cost_nano,  # the estimate, which is what was charged
        error_type=attempt.outcome,
        error_message="the process that served it fell silent",
    )


def _activity_of(attempt: AttemptFacts, entry: Entry, status: ActivityStatus, stage: int) -> ActivityFacts | None:
    if attempt.activity_id is None:
        return None
    return ActivityFacts(
        id=attempt.activity_id,
        pool_id=attempt.pool_id,
        status=status,
        stage=stage,
        stage_entry=entry.id,
        started_at=attempt.granted_at,
        seen_at=instant(entry.at_ms),
        model=attempt.model,
        attempts=attempt.number,
        account_id=attempt.account_id,
    )


def _started(pool_id: uuid.UUID, entry: Entry) -> Reading:
    record = ActivityStarted.from_json(entry.fields["payload"])
    facts = ActivityFacts(
        id=uuid.UUID(record.activity),
        pool_id=pool_id,
        status=ActivityStatus.STARTED,
        stage=STARTED,
        stage_entry=entry.id,
        started_at=instant(record.at_ms or entry.at_ms),
        seen_at=instant(entry.at_ms),
        source=text(record.source, WORD),
        model=text(record.model, NAME),
        category=text(record.category, NAME),
        session=text(record.session, LONG),
        access_key=text(record.access_key, NAME),
        stream=record.stream,
        agent=text(record.agent, NAME),
        parent_agent=text(record.parent_agent, NAME),
    )
    return Reading(activity=facts)


def _progress(pool_id: uuid.UUID, entry: Entry) -> Reading:
    record = ActivityProgress.from_json(entry.fields["payload"])
    facts = ActivityFacts(
        id=uuid.UUID(record.activity),
        pool_id=pool_id,
        status=ActivityStatus.RUNNING,
        stage=alive(number(record.number)),
        stage_entry=entry.id,
        started_at=instant(record.at_ms or entry.at_ms),
        seen_at=instant(entry.at_ms),
        attempts=number(record.number),
        account_id=maybe_id(record.account),
        error_type=text(record.outcome, NAME),
        error_message=text(record.why, ERROR),
    )
    return Reading(activity=facts)


def _ended(pool_id: uuid.UUID, entry: Entry) -> Reading:
    record = ActivityEnded.from_json(entry.fields["payload"])
    ended_at = instant(record.at_ms or entry.at_ms)
    facts = ActivityFacts(
        id=uuid.UUID(record.activity),
        pool_id=pool_id,
        status=ActivityStatus.COMPLETED if record.ok else ActivityStatus.FAILED,
        stage=ENDED,
        stage_entry=entry.id,
        started_at=min(filter(None, (maybe_instant(a.started_ms) for a in record.attempts)), default=ended_at),
        seen_at=instant(entry.at_ms),
        model=text(record.model, NAME),
        served_model=text(record.model, NAME),
        attempts=max((number(attempt.number) for attempt in record.attempts), default=0),
        account_id=maybe_id(record.account),
        cost_nano=amount(record.cost_nano),
        price_known=record.price_known,
        decision=tuple(text(step, ERROR) for step in record.decision),
        request_id=text(record.attempts[-1].request_id, NAME) if record.attempts else "",
        error_type=text(record.error_type, NAME),
        error_message=text(record.error_message, ERROR),
        ended_at=ended_at,
        moved_from_id=maybe_id(record.moved_from),
        move_cost_nano=amount(record.move_cost_nano),
    )
    return Reading(activity=replace(facts, **_spent(record.usage)))


def _spent(usage: TokenUsage) -> dict[str, Any]:
    return {kind: amount(count) for kind, count in structs.asdict(usage).items()}


def _rejected(_: uuid.UUID, entry: Entry) -> Reading:
    fields = entry.fields
    why = text(fields.get("why", ""), LONG)
    return Reading(rejection=Rejection(uuid.UUID(fields["account"]), why, instant(entry.at_ms)))


def _common_cause(_: uuid.UUID, entry: Entry) -> Reading:
    accounts = tuple(uuid.UUID(name) for name in entry.fields["accounts"].split(","))
    return Reading(acquittal=Acquittal(accounts, instant(entry.at_ms)))


_READERS: Final[Mapping[str, Callable[[uuid.UUID, Entry], Reading]]] = {
    "lease.settled": _settled,
    "lease.expired": _expired,
    "account.rejected": _rejected,
    "pool.common_cause": _common_cause,
    records.ACTIVITY_STARTED: _started,
    records.ACTIVITY_PROGRESS: _progress,
    records.ACTIVITY_COMPLETED: _ended,
    records.ACTIVITY_FAILED: _ended,
}
