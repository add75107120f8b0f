"""Who waits for a stream is kept company, and still learns how it ended."""

import asyncio
from dataclasses import replace

from gateway.pings import PING, as_event
from quota.engine.types import Account, Limit, Metric, Window
from tests.gateway.cast import HandClock, good_stream, ok, stage
from tests.gateway.test_asgi import RULES, Caller, ask, body, gateway_over

ONE_A_MINUTE = Account(id="alpha", limits=(Limit(Metric.REQUESTS, Window.MINUTE, 1),))
QUICKLY = 0.001


class Hourglass(HandClock):
    """Each sleep of the pool's lasts until the caller has heard enough pings; then its time passes."""

    def __init__(self, caller):
        super().__init__()
        self.caller = caller

    async def sleep(self, seconds):
        await self.caller.content.wait()
        await super().sleep(seconds)


class Waiting(Caller):
    """Counts pings; `content` is set once so many were heard."""

    def __init__(self, *pieces, pings):
        super().__init__(*pieces)
        self.pings = pings
        self.content = asyncio.Event()
        self.count()

    def count(self):
        if sum(message.get("body", b"").count(PING) for message in self.heard) >= self.pings:
            self.content.set()

    async def send(self, message):
        await super().send(message)
        self.count()


async def ask_a_full_pool(sent, answer, *, pings, wait_ms=61_000):
    """Use up the account's only request of this minute, then ask."""
    caller = Waiting(sent, pings=pings)
    pool = stage(alpha=[answer], accounts=[ONE_A_MINUTE], clock=Hourglass(caller))
    await pool.respond()
    gateway = gateway_over(pool, rules=replace(RULES, queue_ms=wait_ms), ping_seconds=QUICKLY)
    await ask(gateway, caller=caller)
    return caller


def test_an_error_is_one_event_however_its_lines_end():
    assert as_event(b'{"a":\r\n 1}') == b'event: error\ndata: {"a":\ndata:  1}\n\n'


async def test_a_stream_that_waits_is_pinged_and_then_arrives_whole():
    caller = await ask_a_full_pool(body(stream=True), good_stream("Hi"), pings=3)
    assert (caller.status, caller.complete) == (200, True)
    assert caller.body.count(PING) >= 3
    assert caller.body.endswith(b"".join(good_stream("Hi").chunks))


async def test_a_stream_that_waited_in_vain_ends_with_the_error():
    caller = await ask_a_full_pool(body(stream=True), good_stream("Hi"), pings=2, wait_ms=500)
    assert (caller.status, caller.complete) == (200, True)
    assert b'event: error\ndata: {"type": "error", "error": {"type": "rate_limit_error"' in caller.body


async def test_who_asked_for_no_stream_hears_no_ping():
    caller = await ask_a_full_pool(body(), ok("Hi"), pings=0)
    assert caller.body == ok("Hi").chunks[0]


async def test_an_answer_in_time_is_not_preceded_by_a_ping():
    caller = await ask(gateway_over(stage(alpha=[good_stream("Hi")]), ping_seconds=30), body(stream=True))
    assert PING not in caller.body
