"""The attempt loop: one request, up to three accounts. Pure: what happened in, what to do next out.

                 Lease                Returned             Settled
    begin ─► Ask ─────► Send ─────────────────► Settle ─┬─────────► Ask     another account is worth trying
              │ ▲                                       └─────────► Done    it worked, or nothing better will come
      Refusal │ │
       Behind │ │ Woke, Reloaded
              ▼ │
            Pause, Reload ────────► Done                                    nobody can serve this in time

`gateway.driver` carries the commands out; `gateway.answers` decides whether to go on and what the caller is told.
"""

import dataclasses

from msgspec.structs import replace

from gateway import answers, billing, narration, refusals
from gateway.calls import Call, Delivered, FinalAnswer, Returned
from gateway.moves import (
    Abandoned,
    Ask,
    Behind,
    Command,
    Done,
    EngineGone,
    Happening,
    NoRoom,
    Pause,
    PoolNotLoaded,
    Reload,
    Reloaded,
    Send,
    Settle,
    Settled,
    State,
    Woke,
)
from quota.engine.said import Said
from quota.engine.types import Event, Lease, LeaseRequest, Refusal, Settlement
from quota.records import ActivityEnded, AttemptRecord


def begin(call: Call, *, now_ms: int) -> tuple[State, Command]:
    """Start a request."""
    state = State(call=call, begun_ms=now_ms)
    return state, _ask(state)


def step(state: State, happening: Happening, *, now_ms: int) -> tuple[State, Command]:  # noqa: PLR0911 - one per row
    """Say what follows from what has happened."""
    match happening:
        case Lease():
            return _send(state, happening, now_ms)
        case Refusal() | Behind():
            return _refused(state, happening, now_ms)
        case Returned():
            return _returned(state, happening, now_ms)
        case Settled():
            return _settled(state)
        case Woke() | Reloaded():
            return state, _ask(state)
        case NoRoom() if state.refusal is not None:
            line = f"{refusals.summary(state.refusal)}, and too many wait already"
            return _give_up(state, answers.refused(state, state.refusal), now_ms, line=line)
        case PoolNotLoaded() if not state.reloaded:
            return replace(state, reloaded=True), Reload()
        case PoolNotLoaded() | EngineGone() | NoRoom():
            return _give_up(state, answers.unavailable(state), now_ms, line="the engine is not available")
        case Abandoned(fault):
            return _give_up(state, answers.abandoned(fault), now_ms, line=fault.value)


def _ask(state: State) -> Ask:
    call, number = state.call, state.number + 1
    event = narration.progress(state.records[-1]) if state.records else narration.started(call, now_ms=state.begun_ms)
    return Ask(
        LeaseRequest(
            pool=call.pool,
            lease_id=f"{call.activity}.{number}",  # the same ask repeated is the same lease
            model=call.model,
            group=call.group,
            tokens=call.tokens,
            input_tokens=call.input_tokens,
            cost=call.cost,
            tried=state.tried,
            client=call.client,
            session=call.affinity,
            only=call.only,
            ttl_ms=call.lease_ms,
            note=narration.lease_note(call, number=number),
            events=(event,),
        ),
        state.line,
    )


def _send(state: State, lease: Lease, now_ms: int) -> tuple[State, Command]:
    number = state.number + 1
    return replace(state, lease=lease, number=number, sent_ms=now_ms), Send(lease, number)


def _refused(state: State, happening: Refusal | Behind, now_ms: int) -> tuple[State, Command]:
    refusal, why = _heard(happening, now_ms)
    until = now_ms + state.call.wait_ms if state.wait_until_ms is None else state.wait_until_ms
    left_ms, word = until - now_ms, Behind(refusal, told_ms=now_ms)
    waiting = refusals.pause(refusal, left_ms=left_ms)
    state = replace(state, wait_until_ms=until, refusal=refusal)
    if waiting is not None:
        return state, Pause(waiting.pause_ms, left_ms=left_ms, line=state.line, word=word)
    return _give_up(state, answers.refused(state, refusal), now_ms, line=why + refusals.summary(refusal))


def _heard(happening: Refusal | Behind, now_ms: int) -> tuple[Refusal, str]:
    """Give the refusal, own or of those who came first, as it reads now; and what to say before it."""
    if isinstance(happening, Refusal):
        return happening, ""
    return refusals.aged(happening.refusal, by_ms=now_ms - happening.told_ms), "others came first; "


def _returned(state: State, returned: Returned, now_ms: int) -> tuple[State, Command]:
    lease = state.lease
    if lease is None:
        raise ValueError("a call returned that was never sent")
    spent = _spent(state.call, lease, returned)
    record = narration.attempt_record(
        state.call, lease, returned, spent, number=state.number, sent_ms=state.sent_ms, now_ms=now_ms
    )
    state = replace(state, outcomes=(*state.outcomes, returned.outcome), records=(*state.records, record))
    goes_on = answers.worth_another(state)
    line = narration.attempt_line(state.call, lease, record, next_step="next account" if goes_on else "the end")
    state = replace(state, decision=(*state.decision, line))
    if not goes_on:
        state = _concluded(state, answers.last_word(state, returned), now_ms)
    return state, Settle(lease, _settlement(state, returned, record))


def _settled(state: State) -> tuple[State, Command]:
    if state.answer is not None:
        return state, Done(state.answer)
    return replace(state, lease=None), _ask(state)


def _give_up(state: State, answer: FinalAnswer, now_ms: int, *, line: str) -> tuple[State, Command]:
    """End without a lease to carry the news: the events go by themselves."""
    state = _concluded(replace(state, decision=(*state.decision, line)), answer, now_ms)
    told = () if state.number else (narration.started(state.call, now_ms=state.begun_ms),)
    return state, Done(answer, (*told, *_ended_event(state)))


def _concluded(state: State, answer: FinalAnswer, now_ms: int) -> State:
    spent = billing.total(tuple(billing.of_record(record) for record in state.records))
    moved_from, move_cost = narration.move(state.records)
    error_type, message = ("", "") if answer == Delivered(ok=True) else answers.error(state, answer)
    ended = ActivityEnded(
        activity=state.call.activity,
        ok=answer == Delivered(ok=True),
        account=state.records[-1].account if state.records else "",
        model=state.call.model,
        usage=spent.usage,
        cost_nano=spent.cost_nano,
        price_known=spent.known,
        attempts=state.records,
        error_type=error_type,
        error_message=message,
        at_ms=now_ms,
        decision=state.decision,
        moved_from=moved_from,
        move_cost_nano=move_cost,
        begun_ms=state.begun_ms,
    )
    return replace(state, answer=answer, ended=ended)


def _ended_event(state: State) -> tuple[Event, ...]:
    return (narration.ended(state.ended),) if state.ended else ()


def _settlement(state: State, returned: Returned, record: AttemptRecord) -> Settlement:
    outcome = returned.outcome
    return Settlement(
        verdict=outcome.verdict,
        tokens=record.charged_tokens,
        cost=record.cost_nano,
        sent=outcome.sent,
        why=outcome.why,
        holds=outcome.holds,
        organization=returned.organization,
        said=_said(returned, record),
        note=record.to_json(),
        events=_ended_event(state),
        granted=state.lease,
    )


def _said(returned: Returned, record: AttemptRecord) -> Said | None:
    """What the headers told, with what the call took by Anthropic's way of counting."""
    if returned.said is None:
        return None
    usage = record.usage
    counted = usage.prompt - usage.cache_read_tokens
    return dataclasses.replace(returned.said, input_tokens=counted, output_tokens=usage.output_tokens)


def _spent(call: Call, lease: Lease, returned: Returned) -> billing.Bill:
    on = billing.day_of(lease.day)
    if returned.reading.reported or returned.generated_tokens:
        return billing.bill(returned.reading, model=call.model, on=on, generated_tokens=returned.generated_tokens)
    if returned.outcome.maybe_billed:
        return billing.estimated(tokens=call.tokens, cost_nano=call.cost)
    return billing.Bill()
