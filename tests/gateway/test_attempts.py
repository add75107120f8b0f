"""The loop itself: whatever happens, in whatever order, every lease is settled once and the request ends."""

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.attempts import begin, step
from gateway.calls import Call, Delivered, OwnAnswer, Returned
from gateway.moves import (
    Abandoned,
    Ask,
    Behind,
    Done,
    EngineGone,
    Pause,
    PoolNotLoaded,
    Reload,
    Reloaded,
    Send,
    Settle,
    Settled,
    Woke,
)
from gateway.outcomes import classify
from gateway.replies import Fault, Reply
from quota.engine.types import Block, Event, Lease, Reason, Refusal
from tests.gateway.test_outcomes import ROWS

NOW = 1_795_435_200_000
CALL = Call(activity="a", pool="p", model="claude-sonnet-5-5", group="sonnet-5-5", tokens=100, cost=5, wait_ms=5_000)
OUTCOMES = [classify(row[0], now_ms=NOW) for row in ROWS.values()]
FAILED = classify(Reply(status=500), now_ms=NOW)
SUCCEEDED = classify(Reply(status=200), now_ms=NOW)


def lease(number, account=None):
    return Lease(
        id=f"a.{number}",
        pool="p",
        account=account or f"account-{number}",
        generation=1,
        probe=False,
        granted_ms=NOW,
        deadline_ms=NOW + 120_000,
        day=NOW // 86_400_000,
    )


def refusal(now_ms, reason=Reason.LIMIT, wait=300):
    return Refusal("p", now_ms, now_ms + wait, (Block("x", reason, now_ms + wait),))


@st.composite
def stories(draw):
    """What an unkind world answers to each command."""
    asks = draw(
        st.lists(st.sampled_from(["lease", "lease", "lease", "refuse", "behind", "empty", "gone"]), max_size=40)
    )
    return asks, draw(st.lists(st.sampled_from(OUTCOMES), max_size=12))


@settings(max_examples=300)
@given(stories())
def test_any_story_ends_with_every_lease_settled_exactly_once(story):
    asks, outcomes = list(story[0]), list(story[1])
    now = NOW
    granted: list[str] = []
    settled: list[str] = []
    told: list[Event] = []
    state, command = begin(CALL, now_ms=now)
    for _ in range(200):
        match command:
            case Ask(request):
                kind = asks.pop(0) if asks else "lease"
                if kind == "lease":
                    granted.append(request.lease_id)
                    told += request.events
                    happened = lease(len(granted))
                else:
                    happened = {
                        "refuse": refusal(now),
                        "behind": Behind(refusal(now), told_ms=now),
                        "empty": PoolNotLoaded(),
                        "gone": EngineGone(),
                    }[kind]
            case Send(held, _):
                assert held.account not in state.tried
                happened = Returned(outcomes.pop(0) if outcomes else SUCCEEDED)
            case Settle(held, settlement):
                settled.append(held.id)
                told += settlement.events
                happened = Settled()
            case Pause(for_ms):
                now += for_ms
                happened = Woke()
            case Reload():
                happened = Reloaded()
            case Done(_, events):
                told += events
                break
        state, command = step(state, happened, now_ms=now)
    assert isinstance(command, Done)
    assert granted == settled
    assert now - NOW <= CALL.wait_ms
    types = [event.type for event in told]
    assert types[0] == "activity.started"
    assert types.count("activity.started") == 1
    assert [t for t in types if t in {"activity.completed", "activity.failed"}] == [types[-1]]
    assert (types[-1] == "activity.completed") is (command.answer == Delivered(ok=True))


def test_the_same_ask_repeated_is_the_same_lease():
    state, first = begin(CALL, now_ms=NOW)
    state, _ = step(state, PoolNotLoaded(), now_ms=NOW)
    _, again = step(state, Reloaded(), now_ms=NOW)
    assert isinstance(first, Ask)
    assert isinstance(again, Ask)
    assert first.request.lease_id == again.request.lease_id


def test_the_second_ask_leaves_out_who_was_tried():
    state, _ = begin(CALL, now_ms=NOW)
    state, _ = step(state, lease(1), now_ms=NOW)
    state, _ = step(state, Returned(FAILED), now_ms=NOW)
    _, ask = step(state, Settled(), now_ms=NOW)
    assert isinstance(ask, Ask)
    assert ask.request.tried == ("account-1",)
    assert ask.request.events[0].type == "activity.progress"


def test_a_pinned_call_goes_nowhere_else():
    state, ask = begin(Call(**{**fields(CALL), "only": "account-1"}), now_ms=NOW)
    assert isinstance(ask, Ask)
    assert ask.request.only == "account-1"
    state, _ = step(state, lease(1), now_ms=NOW)
    state, _ = step(state, Returned(FAILED), now_ms=NOW)
    _, command = step(state, Settled(), now_ms=NOW)
    assert isinstance(command, Done)


def test_who_comes_behind_others_waits_by_what_they_were_told():
    state, _ = begin(CALL, now_ms=NOW)
    _, command = step(state, Behind(refusal(NOW - 200, wait=300), told_ms=NOW - 200), now_ms=NOW)
    assert isinstance(command, Pause)
    assert (command.for_ms, command.left_ms, command.word.refusal.now_ms) == (100, CALL.wait_ms, NOW)


def test_who_may_not_wait_hears_what_those_before_him_were_told():
    state, _ = begin(Call(**{**fields(CALL), "wait_ms": 0}), now_ms=NOW)
    state, command = step(state, Behind(refusal(NOW - 1_000, wait=9_000), told_ms=NOW - 1_000), now_ms=NOW)
    assert isinstance(command, Done)
    assert isinstance(command.answer, OwnAnswer)
    assert command.answer.retry_after_ms == 8_000
    assert state.ended is not None
    assert state.ended.decision == ("others came first; refused: x limit for 8000 ms",)


def test_who_has_had_an_account_waits_in_another_line():
    state, first = begin(CALL, now_ms=NOW)
    state, _ = step(state, lease(1), now_ms=NOW)
    state, _ = step(state, Returned(FAILED), now_ms=NOW)
    _, second = step(state, Settled(), now_ms=NOW)
    assert isinstance(first, Ask)
    assert isinstance(second, Ask)
    assert first.line != second.line
    assert second.line.tried == {"account-1"}


def test_who_leaves_before_any_lease_has_still_been_there():
    state, _ = begin(CALL, now_ms=NOW)
    _, done = step(state, Abandoned(Fault.CALLER_LEFT), now_ms=NOW)
    assert isinstance(done, Done)
    assert [event.type for event in done.events] == ["activity.started", "activity.failed"]


def fields(call):
    return {name: getattr(call, name) for name in call.__struct_fields__}
