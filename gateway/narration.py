"""What a request tells the ledger and people: its events, its attempts' records, its decision chain. Pure."""

from collections.abc import Sequence

from gateway.billing import Bill
from gateway.calls import Call, OwnAnswer, Returned
from gateway.plain import TEXT_MAX
from quota.engine.types import Event, Lease
from quota.records import (
    ACTIVITY_COMPLETED,
    ACTIVITY_FAILED,
    ACTIVITY_PROGRESS,
    ACTIVITY_STARTED,
    ActivityEnded,
    ActivityProgress,
    ActivityStarted,
    AttemptRecord,
    LeaseNote,
)


def started(call: Call, *, now_ms: int) -> Event:
    """Tell that a request came in."""
    record = ActivityStarted(
        activity=call.activity,
        source=call.source,
        pool=call.pool,
        model=call.model,
        category=call.category,
        session=call.session,
        access_key=call.access_key,
        at_ms=now_ms,
        stream=call.stream,
        agent=call.agent,
        parent_agent=call.parent_agent,
    )
    return Event(ACTIVITY_STARTED, record.to_json())


def progress(attempt: AttemptRecord) -> Event:
    """Tell that an attempt failed and the request goes on."""
    record = ActivityProgress(
        activity=attempt.activity,
        number=attempt.number,
        account=attempt.account,
        outcome=attempt.outcome,
        why=attempt.why,
        at_ms=attempt.ended_ms,
    )
    return Event(ACTIVITY_PROGRESS, record.to_json())


def ended(record: ActivityEnded) -> Event:
    """Tell how the request ended."""
    return Event(ACTIVITY_COMPLETED if record.ok else ACTIVITY_FAILED, record.to_json())


def lease_note(call: Call, *, number: int) -> str:
    """Say what the ledger must know if we die during the call."""
    note = LeaseNote(activity=call.activity, number=number, model=call.model, group=call.group, session=call.session)
    return note.to_json()


def attempt_record(
    call: Call, lease: Lease, returned: Returned, spent: Bill, *, number: int, sent_ms: int, now_ms: int
) -> AttemptRecord:
    """Write down one upstream call."""
    return AttemptRecord(
        activity=call.activity,
        number=number,
        account=lease.account,
        model=call.model,
        group=call.group,
        outcome=returned.outcome.kind.value,
        status=returned.outcome.status,
        request_id=returned.request_id,
        why=returned.outcome.why,
        usage=spent.usage,
        cost_nano=spent.cost_nano,
        price_known=spent.known,
        started_ms=sent_ms,
        first_content_ms=returned.first_content_ms,
        ended_ms=now_ms,
        workspace=returned.workspace,
        estimated_tokens=spent.estimated_tokens,
        moved_from=lease.moved_from,
        cache_extra_nano=spent.cache_extra_nano,
        session=call.session,
    )


def move(records: Sequence[AttemptRecord]) -> tuple[str, int]:
    """Say from where a request took its session away, and what re-creating the cache cost; nothing if it came back.

    Only the last call can have cost that: the others gave no answer. See Note [What a move costs] in `gateway.billing`.
    """
    left = next((record.moved_from for record in records if record.moved_from), "")
    if not left or records[-1].account == left:
        return "", 0
    return left, records[-1].cache_extra_nano


def attempt_line(call: Call, lease: Lease, record: AttemptRecord, *, next_step: str) -> str:
    """Put one attempt on one line of the decision chain."""
    took = max(0, record.ended_ms - record.started_ms)
    why = record.why if record.outcome != "success" else "http 200"
    return (
        f"attempt {record.number}: account {record.account} ({chosen_by(call, lease)}), "
        f"{record.outcome}: {why}, {took} ms, {next_step}"
    )


def chosen_by(call: Call, lease: Lease) -> str:
    """Say why this account was chosen."""
    if call.only:
        return "pinned"
    how = call.strategy or "strategy"
    if lease.sticky:
        how = "the session's own"
    elif lease.moved_from:
        how = f"{how}, session moved from {lease.moved_from}"
    return f"{how}, probe" if lease.probe else how


def error_of(answer: OwnAnswer, *, detail: str = "") -> tuple[str, str]:
    """Give the type and message the ledger keeps of a failure. Both texts are ours, and fit to be kept as they are."""
    return answer.type, f"{answer.message} {detail}".strip()[:TEXT_MAX]
