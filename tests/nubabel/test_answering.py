"""What callers read is what uvicorn would have written, in fewer pieces."""

import asyncio
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from nubabel.web.answering import Writer

DATE = (b"date", b"Sat, 28 Nov 2026 05:00:00 GMT")


class Transport:
    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.closed = False

    def write(self, data: bytes) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        self.closed = True

    def is_closing(self) -> bool:
        return self.closed


class Answer:
    """One answer, written by uvicorn itself or by ours."""

    def __init__(self, *, ours: bool, method: str = "POST", keep_alive: bool = True) -> None:
        self.transport = Transport()
        self.soon: list[Any] = []
        self.cycle = RequestResponseCycle(
            scope={"method": method},  # type: ignore[typeddict-item]
            transport=self.transport,  # type: ignore[arg-type]
            flow=SimpleNamespace(write_paused=False),  # type: ignore[arg-type]
            logger=None,  # type: ignore[arg-type]
            access_logger=None,  # type: ignore[arg-type]
            access_log=False,
            default_headers=[DATE],
            message_event=asyncio.Event(),
            expect_100_continue=False,
            keep_alive=keep_alive,
            on_response=lambda: None,
        )
        self._send = Writer(self.cycle, call_soon=self.soon.append).send if ours else self.cycle.send

    def tell(self, *messages: Any) -> str:
        """Give what stopped it, if something did."""
        try:
            for message in messages:
                asyncio.run(self._send(message))
        except RuntimeError as error:
            return str(error)
        return ""

    def turn(self) -> None:
        """What was put off is done."""
        while self.soon:
            self.soon.pop(0)()

    @property
    def outcome(self) -> tuple[bytes, bool, bool, bool]:
        said = b"".join(self.transport.written)
        return said, self.transport.closed, self.cycle.response_complete, self.cycle.keep_alive


def start(*headers: tuple[bytes, bytes], status: int = 200) -> Any:
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(data: bytes = b"", *, more: bool = False) -> Any:
    return {"type": "http.response.body", "body": data, "more_body": more}


HEADERS: Sequence[tuple[bytes, bytes]] = (
    (b"Content-Type", b"text/plain"),
    (b"set-cookie", b"a=1"),
    (b"set-cookie", b"b=2"),
    (b"connection", b"Close"),
    (b"connection", b"keep-alive"),
    (b"transfer-encoding", b"Chunked"),
    (b"content-length", b"3"),
    (b"content-length", b"0"),
)


@given(
    how=st.fixed_dictionaries({"method": st.sampled_from(["GET", "POST", "HEAD"]), "keep_alive": st.booleans()}),
    headers=st.lists(st.sampled_from(HEADERS), max_size=4, unique_by=lambda pair: pair[0] != b"set-cookie" and pair[0]),
    pieces=st.lists(st.sampled_from([b"", b"a", b"bc", b"abc"]), max_size=3),
    status=st.sampled_from([200, 204, 304, 429, 529]),
    ends=st.booleans(),
)
def test_every_answer_is_what_uvicorn_makes_of_it(how, **said):
    messages = [start(*said["headers"], status=said["status"]), *(body(piece, more=True) for piece in said["pieces"])]
    messages += [body()] if said["ends"] else []
    theirs, ours = (Answer(ours=mine, **how) for mine in (False, True))
    stopped = theirs.tell(*messages)
    assert ours.tell(*messages) == stopped
    if not stopped:
        ours.turn()
        assert ours.outcome == theirs.outcome


def test_head_and_body_leave_in_one_piece():
    answer = Answer(ours=True)
    answer.tell(start((b"content-length", b"2")), body(b"OK"))
    answer.turn()
    assert len(answer.transport.written) == 1


def test_a_head_whose_body_is_late_does_not_wait_for_it():
    answer = Answer(ours=True)
    answer.tell(start())
    assert answer.transport.written == []
    answer.turn()
    assert answer.transport.written[0].startswith(b"HTTP/1.1 200 OK\r\ndate: ")


@pytest.mark.parametrize("header", [(b"a b", b"c"), (b"a\r\n", b"c"), (b"a", b"b\r\nset-cookie: c"), (b"a", b"\x00")])
def test_what_no_header_may_have_is_not_written(header):
    answer = Answer(ours=True)
    assert "Invalid HTTP header" in answer.tell(start(header))
    answer.turn()
    assert answer.transport.written == []


def test_an_answer_has_one_head():
    answer = Answer(ours=True)
    assert "Expected ASGI message 'http.response.body'" in answer.tell(start(), start())


def test_after_the_end_there_is_nothing_to_say():
    answer = Answer(ours=True)
    assert "after response already completed" in answer.tell(start((b"content-length", b"0")), body(), body())


def test_an_application_that_fails_after_the_head_ends_the_connection_in_silence():
    answer = Answer(ours=True)
    answer.tell(start())
    answer.transport.close()
    answer.turn()
    assert answer.transport.written == []


def test_nothing_is_said_to_who_has_left():
    answer = Answer(ours=True)
    answer.cycle.disconnected = True
    answer.tell(start(), body(b"OK"))
    answer.turn()
    assert answer.transport.written == []
