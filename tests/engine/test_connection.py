"""One connection for a loop: what leaves in one write, what a deadline bounds, and that nothing is mixed up."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Awaitable
from pathlib import Path
from typing import Any

import pytest

from quota.engine.connection import Connection
from quota.engine.errors import EngineError, EngineUnavailable
from quota.engine.facade import open_engine
from quota.engine.scripts import Script
from quota.engine.types import Event
from tests.engine.scripted_redis import PONG, ScriptedRedis, Visit, bulk, scripted_redis

DEADLINE = 0.2
SLACK = 0.3  # a busy machine may be late by as much
SCRIPT = Script("greet", "return 'hello'")


@pytest.fixture
async def server() -> AsyncIterator[ScriptedRedis]:
    async with scripted_redis() as double:
        yield double


@pytest.fixture
async def connection(server: ScriptedRedis) -> AsyncIterator[Connection]:
    opened = Connection(server.url, deadline=DEADLINE)
    yield opened
    await opened.close()


@pytest.fixture
async def patient(server: ScriptedRedis) -> AsyncIterator[Connection]:
    """For tests in which everything is answered."""
    opened = Connection(server.url, deadline=10)
    yield opened
    await opened.close()


async def timed(call: Awaitable[Any]) -> tuple[float, Any]:
    """Seconds it took, and what came of it: an answer or an error."""
    began = time.monotonic()
    outcomes = await asyncio.gather(call, return_exceptions=True)
    return time.monotonic() - began, outcomes[0]


async def until_answered(connection: Connection) -> None:
    async with asyncio.timeout(DEADLINE * 10):
        while isinstance((await timed(connection.call("ECHO", "x")))[1], EngineUnavailable):
            pass


# One write, replies in order


async def test_calls_of_one_turn_of_the_loop_leave_in_one_write(server: ScriptedRedis, patient: Connection) -> None:
    await patient.call("PING")
    await asyncio.gather(*(patient.call("ECHO", str(index)) for index in range(64)))
    assert [len(chunk) for chunk in server.visits[0].chunks[2:]] == [64]


async def test_everybody_gets_the_answer_to_their_own_question(server: ScriptedRedis, patient: Connection) -> None:
    answers = await asyncio.gather(*(patient.call("ECHO", str(index)) for index in range(200)))
    assert answers == [str(index).encode() for index in range(200)]


async def test_all_first_callers_share_one_connection(server: ScriptedRedis, patient: Connection) -> None:
    await asyncio.gather(*(patient.call("ECHO", "x") for _ in range(50)))
    assert len(server.visits) == 1


async def test_nothing_is_connected_before_the_first_call(server: ScriptedRedis) -> None:
    await Connection(server.url, deadline=DEADLINE).close()
    assert server.visits == []


async def test_an_answer_in_many_small_pieces_is_one_answer(server: ScriptedRedis, patient: Connection) -> None:
    async def drip(visit: Visit, _: list[bytes]) -> None:
        for byte in bulk(b"in pieces"):
            visit.say(bytes([byte]))
            await visit.writer.drain()
            await asyncio.sleep(0)

    server.next("GET", drip)
    assert await patient.call("GET", "x") == b"in pieces"


# The greeting


async def test_it_signs_in_and_selects_its_database_before_anything_else(server: ScriptedRedis) -> None:
    host = server.url.removeprefix("redis://")
    connection = Connection(f"redis://ann:secret@{host}/7", deadline=10)
    await connection.call("ECHO", "x")
    assert server.received == [[b"AUTH", b"ann", b"secret"], [b"SELECT", b"7"], [b"PING"], [b"ECHO", b"x"]]
    await connection.close()


async def test_a_refused_password_is_not_repeated_in_the_error(server: ScriptedRedis) -> None:
    server.next("AUTH", b"-WRONGPASS invalid password 'hunter2'\r\n")
    connection = Connection(server.url.replace("//", "//:hunter2@"), deadline=10)
    with pytest.raises(EngineUnavailable, match="WRONGPASS") as caught:
        await connection.call("ECHO", "x")
    assert "hunter2" not in f"{caught.value!r}{connection!r}"
    assert server.count("ECHO") == 0


async def test_a_server_still_loading_its_data_is_not_there_yet(server: ScriptedRedis, patient: Connection) -> None:
    server.next("PING", b"-LOADING Redis is loading the dataset in memory\r\n")
    with pytest.raises(EngineUnavailable, match="LOADING"):
        await patient.call("ECHO", "x")
    assert await patient.call("ECHO", "x") == b"x"


async def test_a_unix_socket_will_do(tmp_path: Path) -> None:
    double = ScriptedRedis()
    server = await asyncio.start_unix_server(double.visit, tmp_path / "redis.sock")
    connection = Connection(f"unix://{tmp_path}/redis.sock?db=3", deadline=10)
    assert await connection.call("ECHO", "x") == b"x"
    assert double.received[0] == [b"SELECT", b"3"]
    await connection.close()
    server.close()
    await double.everybody_gone()


# Deadlines


async def test_a_call_without_an_answer_costs_its_deadline_and_no_more(
    server: ScriptedRedis, connection: Connection
) -> None:
    await connection.call("PING")
    server.next("GET", None)
    took, error = await timed(connection.call("GET", "x"))
    assert isinstance(error, EngineUnavailable)
    assert DEADLINE <= took < DEADLINE + SLACK


async def test_an_answer_in_time_counts_though_this_process_was_too_busy_to_read_it(
    server: ScriptedRedis, connection: Connection
) -> None:
    await connection.call("PING")
    asked = asyncio.ensure_future(connection.call("ECHO", "x"))
    wire = connection._wire
    assert wire is not None
    await asyncio.sleep(0)
    wire._look()  # a clock that is run before the socket is read, as uvloop does when the loop was held up
    assert await asked == b"x"


async def test_a_server_that_accepts_and_says_nothing_costs_one_deadline(
    server: ScriptedRedis, connection: Connection
) -> None:
    server.next("PING", None)
    took, error = await timed(connection.call("GET", "x"))
    assert isinstance(error, EngineUnavailable)
    assert took < DEADLINE + SLACK


async def test_connecting_and_asking_together_cost_one_deadline(server: ScriptedRedis, connection: Connection) -> None:
    async def slowly(visit: Visit, _: list[bytes]) -> None:
        await asyncio.sleep(DEADLINE * 0.8)
        visit.say(PONG)

    server.next("PING", slowly)
    server.next("GET", None)
    took, error = await timed(connection.call("GET", "x"))
    assert isinstance(error, EngineUnavailable)
    assert took < DEADLINE * 1.7


async def test_a_script_that_has_to_be_sent_anew_gets_no_second_deadline(
    server: ScriptedRedis, connection: Connection
) -> None:
    async def slowly(visit: Visit, _: list[bytes]) -> None:
        await asyncio.sleep(DEADLINE * 0.8)
        visit.say(b"-NOSCRIPT No matching script.\r\n")

    await connection.call("PING")
    server.next("EVALSHA", slowly)
    server.next("EVAL", None)
    took, error = await timed(connection.evalsha(SCRIPT, (), ()))
    assert isinstance(error, EngineUnavailable)
    assert took < DEADLINE * 1.7


async def test_a_call_begun_later_has_its_own_deadline(server: ScriptedRedis, connection: Connection) -> None:
    await connection.call("PING")
    server.next("GET", None)
    first = asyncio.ensure_future(timed(connection.call("GET", "x")))
    await asyncio.sleep(DEADLINE / 2)
    took, error = await timed(connection.call("ECHO", "y"))
    assert isinstance(error, EngineUnavailable)
    assert took >= DEADLINE
    assert (await first)[0] < DEADLINE + SLACK


async def test_a_closed_port_is_known_at_once() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        connection = Connection(f"redis://127.0.0.1:{taken.getsockname()[1]}", deadline=5)
        took, error = await timed(connection.call("PING"))
    assert isinstance(error, EngineUnavailable)
    assert took < SLACK


async def test_a_missing_socket_is_known_at_once(tmp_path: Path) -> None:
    took, error = await timed(Connection(f"unix://{tmp_path}/none.sock", deadline=5).call("PING"))
    assert isinstance(error, EngineUnavailable)
    assert took < SLACK


async def test_a_connection_that_is_cut_is_known_at_once(server: ScriptedRedis) -> None:
    async def cut(visit: Visit, _: list[bytes]) -> None:
        visit.hang_up()

    connection = Connection(server.url, deadline=5)
    server.next("GET", cut)
    took, error = await timed(asyncio.gather(connection.call("GET", "x"), connection.call("GET", "y")))
    assert isinstance(error, EngineUnavailable)
    assert took < SLACK
    await connection.close()


# Never twice, never mixed up


async def test_a_call_that_timed_out_is_not_sent_again(server: ScriptedRedis, connection: Connection) -> None:
    server.next("GET", None)
    await timed(connection.call("GET", "x"))
    await until_answered(connection)
    assert server.count("GET") == 1


async def test_a_late_answer_is_given_to_nobody(server: ScriptedRedis, connection: Connection) -> None:
    async def late(visit: Visit, _: list[bytes]) -> None:
        await asyncio.sleep(DEADLINE * 1.2)
        visit.say(bulk(b"late"))

    await connection.call("PING")
    server.next("GET", late)
    _, error = await timed(connection.call("GET", "x"))
    assert isinstance(error, EngineUnavailable)
    assert await connection.call("ECHO", "mine") == b"mine"


async def test_an_answer_to_somebody_who_left_is_given_to_nobody(server: ScriptedRedis, patient: Connection) -> None:
    await patient.call("PING")
    leaving = asyncio.ensure_future(patient.call("ECHO", "gone"))
    staying = asyncio.ensure_future(patient.call("ECHO", "here"))
    await asyncio.sleep(0)
    leaving.cancel()
    assert await staying == b"here"


async def test_a_script_the_server_does_not_know_is_sent_once_in_full(
    server: ScriptedRedis, patient: Connection
) -> None:
    server.next("EVALSHA", b"-NOSCRIPT No matching script.\r\n")
    answer: Any = await patient.evalsha(SCRIPT, (b"key",), ("argument",))
    assert answer == b"argument"
    assert server.received[-2:] == [
        [b"EVALSHA", SCRIPT.sha.encode(), b"1", b"key", b"argument"],
        [b"EVAL", SCRIPT.text.encode(), b"1", b"key", b"argument"],
    ]


async def test_a_script_redis_refuses_is_an_error_that_names_it(server: ScriptedRedis, patient: Connection) -> None:
    server.next("EVALSHA", b"-ERR user_script:1: attempt to index a nil value\r\n")
    with pytest.raises(EngineError, match=r"greet.*nil value"):
        await patient.evalsha(SCRIPT, (), ())


@pytest.mark.parametrize("word", ["LOADING", "READONLY", "MASTERDOWN", "CLUSTERDOWN", "MISCONF", "OOM", "BUSY"])
async def test_a_server_that_cannot_serve_now_is_as_good_as_gone(
    server: ScriptedRedis, patient: Connection, word: str
) -> None:
    server.next("EVALSHA", f"-{word} not now\r\n".encode())
    with pytest.raises(EngineUnavailable, match=word):
        await patient.evalsha(SCRIPT, (), ())


@pytest.mark.parametrize("word", ["ERR", "OOM", "READONLY"])
async def test_an_event_that_redis_did_not_take_is_not_thought_told(server: ScriptedRedis, word: str) -> None:
    engine = open_engine(server.url, deadline=10)
    server.next("XADD", f"-{word} no\r\n".encode())
    with pytest.raises(EngineError, match=word):
        await engine.emit("p", [Event("note")])
    await engine.close()


async def test_a_ping_answered_with_an_error_is_no_ping(server: ScriptedRedis) -> None:
    engine = open_engine(server.url, deadline=10)
    server.next("PING", PONG, b"-MISCONF disk full\r\n")
    with pytest.raises(EngineError, match="MISCONF"):
        await engine.ping()
    await engine.close()


# Losing it and finding it again


async def test_the_first_call_after_a_loss_connects_anew(server: ScriptedRedis, patient: Connection) -> None:
    await patient.call("ECHO", "x")
    server.visits[0].hang_up()
    _, error = await timed(patient.call("ECHO", "y"))  # the loss may be noticed only now
    assert error == b"y" or isinstance(error, EngineUnavailable)
    assert await patient.call("ECHO", "z") == b"z"
    assert len(server.visits) == 2


async def test_a_server_silent_for_four_deadlines_is_left_for_a_new_connection(
    server: ScriptedRedis, connection: Connection
) -> None:
    await connection.call("PING")
    server.next("GET", None)
    await timed(connection.call("GET", "x"))
    began = time.monotonic()
    await until_answered(connection)
    assert len(server.visits) == 2
    assert 2 * DEADLINE < time.monotonic() - began < 5 * DEADLINE + SLACK


async def test_rubbish_ends_the_connection_and_not_the_program(server: ScriptedRedis, patient: Connection) -> None:
    server.next("GET", b"HTTP/1.1 400 Bad Request\r\n\r\n")
    _, error = await timed(patient.call("GET", "x"))
    assert isinstance(error, EngineUnavailable)
    assert await patient.call("ECHO", "y") == b"y"


async def test_closing_fails_whoever_still_waits(server: ScriptedRedis) -> None:
    connection = Connection(server.url, deadline=5)
    server.next("GET", None)
    waiting = asyncio.ensure_future(timed(connection.call("GET", "x")))
    await server.has_received("GET", 1)
    await connection.close()
    took, error = await waiting
    assert isinstance(error, EngineUnavailable)
    assert took < 1


async def test_closing_while_it_connects_fails_whoever_waits_for_that(server: ScriptedRedis) -> None:
    connection = Connection(server.url, deadline=5)
    server.next("PING", None)
    waiting = asyncio.ensure_future(timed(connection.call("GET", "x")))
    await server.has_received("PING", 1)
    await connection.close()
    took, error = await waiting
    assert isinstance(error, EngineUnavailable)
    assert took < 1


async def test_a_caller_who_is_cancelled_while_it_connects_is_cancelled(server: ScriptedRedis) -> None:
    connection = Connection(server.url, deadline=5)
    server.next("PING", None)
    waiting = asyncio.ensure_future(connection.call("GET", "x"))
    await server.has_received("PING", 1)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await connection.close()


async def test_closing_twice_or_before_the_first_call_is_nothing_special(
    server: ScriptedRedis, patient: Connection
) -> None:
    await patient.close()
    await patient.call("PING")
    await patient.close()
    await patient.close()
