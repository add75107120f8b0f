"""A stream passes byte for byte; whatever ends it, its lease is settled with what was generated."""

import asyncio

import pytest

from gateway.errors import DeadlinePassed
from gateway.replies import Fault
from gateway.wire import Deadlines
from quota.engine.types import Account, BreakerState, PoolSettings, Strategy
from quota.records import ActivityEnded
from tests.gateway.cast import (
    BLOCK,
    CUT,
    END,
    OVERLOADED_FRAME,
    START,
    STOP,
    Answers,
    HandClock,
    fails,
    frame,
    good_stream,
    ok,
    stage,
    streams,
    text_delta,
)

IN_ORDER = PoolSettings(version=1, strategy=Strategy.PRIORITY)
TWO = [Account(id="alpha", priority=1), Account(id="beta", priority=2)]


async def streamed(scene, **options):
    run, response = await scene.respond(stream=True, **options)
    assert response.stream is not None, response.body
    return run, b"".join([chunk async for chunk in response.stream])


def two(alpha, beta=None):
    return stage(alpha=[alpha], beta=[beta or good_stream("from beta")], settings=IN_ORDER, accounts=TWO)


async def test_a_stream_passes_byte_for_byte():
    answer = good_stream("Hello ", "there")
    scene = stage(alpha=[answer])
    run, body = await streamed(scene)
    assert body == b"".join(answer.chunks)
    assert run.ended.ok
    assert await scene.leases() == 0


async def test_a_streams_head_forbids_buffering():
    scene = stage(alpha=[good_stream()])
    _, response = await scene.respond(stream=True)
    assert dict(response.headers)["x-accel-buffering"] == "no"
    await response.stream.aclose()


async def test_a_stream_is_charged_as_it_reports():
    scene = stage(alpha=[good_stream()])
    await streamed(scene)
    assert (await scene.state("alpha")).day_tokens == 15


BROKEN_BEFORE_CONTENT = {
    "an error first": streams(OVERLOADED_FRAME),
    "an error after the start": streams(START, frame("ping"), OVERLOADED_FRAME),
    "an error in the same bytes as the content": streams(START + BLOCK + text_delta("x") + OVERLOADED_FRAME),
    "the end": streams(START),
    "nothing at all": streams(),
    "a reset": streams(START, CUT),
    "silence": streams(START, DeadlinePassed(Fault.GAP_TIMEOUT)),
    "nonsense": streams(b"data: nonsense\n\n"),
    "a page": Answers(200, {"content-type": "text/html"}, [b"<html>"]),
    "no stream at all": ok("JSON"),
    "compressed bytes": Answers(200, {"content-type": "text/event-stream", "content-encoding": "gzip"}, [b"\x1f\x8b"]),
}


@pytest.mark.parametrize("answer", BROKEN_BEFORE_CONTENT.values(), ids=BROKEN_BEFORE_CONTENT.keys())
async def test_what_breaks_before_the_first_content_is_tried_elsewhere(answer):
    scene = two(answer)
    run, body = await streamed(scene)
    assert b"from beta" in body
    assert b"overloaded" not in body
    assert [attempt.account for attempt in run.ended.attempts] == ["alpha", "beta"]
    assert scene.upstream.exchanges[0].closed


async def test_an_error_as_first_event_of_the_last_account_becomes_an_error_answer():
    scene = stage(alpha=[streams(OVERLOADED_FRAME)])
    _, response = await scene.respond(stream=True)
    assert (response.status, response.stream) == (529, None)


CONTENT = (START, BLOCK, text_delta("Hello"))
BROKEN_AFTER_CONTENT = {
    "the end": (streams(*CONTENT), "cut"),
    "a reset": (streams(*CONTENT, CUT), "cut"),
    "a reset within an event": (streams(*CONTENT, text_delta("lost")[:60], CUT), "cut"),
    "silence": (streams(*CONTENT, DeadlinePassed(Fault.GAP_TIMEOUT)), "timeout"),
    "nonsense": (streams(*CONTENT, b"event: content_block_delta\ndata: {nonsense\n\n"), "malformed"),
    "an error": (streams(*CONTENT, OVERLOADED_FRAME), "overloaded"),
}


@pytest.mark.parametrize(("answer", "outcome"), BROKEN_AFTER_CONTENT.values(), ids=BROKEN_AFTER_CONTENT.keys())
async def test_what_breaks_later_ends_in_an_error_event_and_is_tried_nowhere_else(answer, outcome):
    scene = two(answer)
    run, body = await streamed(scene)
    assert body.startswith(b"".join(CONTENT))
    assert b"message_stop" not in body
    assert body.rstrip().rsplit(b"\n\n", 1)[-1].startswith(b"event: error\n")
    assert [attempt.outcome for attempt in run.ended.attempts] == [outcome]
    assert (run.ended.ok, run.ended.error_type) == (False, outcome)
    assert await scene.leases() == 0


async def test_a_stream_that_broke_counts_against_its_account_and_is_charged():
    scene = stage(alpha=[streams(*CONTENT, CUT)])
    await streamed(scene)
    state = await scene.state("alpha")
    assert (state.failures, state.day_tokens) == (1, 11)


async def test_an_event_cut_in_the_middle_is_not_left_for_the_client_to_read():
    scene = stage(alpha=[streams(*CONTENT, text_delta("lost")[:60], CUT)])
    _, body = await streamed(scene)
    assert b"\nevent: ping\n\nevent: error\n" in body


async def test_a_caller_who_leaves_is_charged_for_what_was_generated():
    scene = stage(alpha=[good_stream(*["four characters each and some more"] * 50)])
    run, response = await scene.respond(stream=True)
    seen = 0
    async for _ in response.stream:
        seen += 1
        if seen == 30:
            break
    await response.stream.aclose()
    state = await scene.state("alpha")
    assert state.failures == 0
    assert 10 + 28 <= state.day_tokens <= 10 + 28 * 20
    assert (run.ended.ok, run.ended.attempts[0].outcome) == (False, "caller_left")
    assert scene.upstream.exchanges[0].closed
    assert await scene.leases() == 0


async def test_a_caller_who_closes_after_the_last_event_has_the_whole_answer():
    scene = stage(alpha=[good_stream()])
    run, response = await scene.respond(stream=True)
    iterator = aiter(response.stream)
    async for chunk in iterator:
        if b"message_stop" in chunk:
            break
    await response.stream.aclose()
    assert run.ended.ok


async def test_a_caller_who_never_reads_settles_by_closing():
    scene = stage(alpha=[good_stream()])
    _, response = await scene.respond(stream=True)
    await response.stream.aclose()
    await response.stream.aclose()
    assert await scene.leases() == 0


async def test_a_cancelled_reader_settles():
    reached = asyncio.Event()

    async def hangs():
        reached.set()
        await asyncio.Event().wait()

    scene = stage(alpha=[streams(*CONTENT, hangs)])
    task = asyncio.create_task(streamed(scene))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await scene.leases() == 0
    assert (await scene.state("alpha")).failures == 0


async def test_a_drip_that_never_makes_an_event_is_silence():
    clock = HandClock()

    async def drip():
        clock.wind(1)
        return b"x"

    scene = stage(alpha=[streams(*CONTENT, *[drip] * 500)], deadlines=Deadlines(gap=30), clock=clock)

    run, body = await streamed(scene)
    assert run.ended.attempts[0].why == "silence timeout"
    assert b"event: error" in body
    assert scene.clock.ms - run._state.begun_ms <= 32_000


async def test_a_stream_may_not_last_for_ever():
    clock = HandClock()

    async def talk():
        clock.wind(1)
        return text_delta("x")

    scene = stage(alpha=[streams(*CONTENT, *[talk] * 500)], deadlines=Deadlines(total=60), clock=clock)

    run, _ = await streamed(scene)
    assert run.ended.attempts[0].why == "total timeout"


async def test_a_long_stream_keeps_its_lease():
    async def think():
        scene.clock.wind(50)
        await scene.ports.renewals.renew_due()
        assert await scene.engine.expire("pool") == 0
        return text_delta("x")

    scene = stage(alpha=[streams(*CONTENT, *[think] * 10, END, STOP)])
    run, _ = await streamed(scene, lease_ms=120_000)
    assert run.ended.ok
    assert (await scene.state("alpha")).day_requests == 1


async def test_a_file_larger_than_is_held_passes_as_it_comes(monkeypatch):
    monkeypatch.setattr("gateway.sending.WHOLE_MAX", 10)
    file = Answers(200, {"content-type": "application/pdf"}, [b"12345678", b"90abc", b"def"])
    scene = stage(alpha=[file])
    run, response = await scene.respond()
    assert b"".join([chunk async for chunk in response.stream]) == b"1234567890abcdef"
    assert run.ended.ok
    assert (await scene.state("alpha")).day_tokens == 100  # whose usage nobody could read


async def test_a_probe_that_begins_to_answer_closes_the_breaker_before_it_ends():
    scene = stage(alpha=[*[fails(500)] * 5, good_stream()])
    for number in range(5):
        await scene.respond(activity=f"bad-{number}")
    scene.clock.wind(301)
    _, response = await scene.respond(stream=True, activity="probe")
    await asyncio.sleep(0)
    assert (await scene.state("alpha")).breaker is BreakerState.CLOSED
    await response.stream.aclose()


async def test_the_ledger_is_told_of_a_streams_first_content():
    scene = stage(alpha=[good_stream()])
    await streamed(scene)
    attempt = ActivityEnded.from_json(scene.events[-1].payload).attempts[0]
    assert attempt.first_content_ms == scene.clock.ms
