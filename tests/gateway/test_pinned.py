"""What makes or names a resource goes where it lies, and what was made is never forgotten."""

import json
from typing import Any

import pytest

from gateway.errors import CallerRefused
from gateway.owners import Owned
from gateway.paths import route
from gateway.pinned import Answered, Asked, Pinned
from gateway.preparing import Context
from gateway.responses import Response
from gateway.wire import Request
from tests.gateway.remembered import RememberedOwners

US = "https://pool.example.com"


class Pieces:
    """A stream of given pieces."""

    def __init__(self, *pieces):
        self.pieces = pieces
        self.closed = False

    async def __aiter__(self):
        for piece in self.pieces:
            yield piece

    async def aclose(self):
        self.closed = True


class Anthropic:
    """Answers the same to everything, from the account asked for, or from alpha."""

    def __init__(self, document=None, *, status=200, stream=None):
        self.response = Response(status, (), json.dumps(document or {}).encode(), stream=stream)
        self.asked = []

    async def send(self, request, context):
        self.asked.append(context.only)
        return Answered(self.response, context.only or "alpha")


def asked(method, target, body=b"", principal="alice"):
    request = Request(method, target, (), body)
    return Asked(request, route(method, target.partition("?")[0]), Context(principal=principal), US)


@pytest.fixture
def owners() -> Any:
    return RememberedOwners()


async def slept(_seconds):
    return


def with_container(id_):
    return json.dumps({"model": "claude-opus-5", "container": id_}).encode()


async def test_an_ordinary_message_asks_nobody(owners):
    owners.gone = True
    anthropic = Anthropic({"type": "message"})
    response = await Pinned(owners).answer(asked("POST", "/v1/messages", b'{"model": "m"}'), anthropic.send)
    assert (response.status, anthropic.asked) == (200, [""])


async def test_the_container_of_an_answer_is_where_the_next_message_goes(owners):
    pinned = Pinned(owners)
    made = Anthropic({"type": "message", "container": {"id": "container_1", "expires_at": "…"}})
    first = json.dumps({"model": "m", "tools": [{"type": "code_execution_20260209"}]}).encode()
    await pinned.answer(asked("POST", "/v1/messages", first), made.send)
    then = Anthropic({"type": "message"})
    await pinned.answer(asked("POST", "/v1/messages", with_container("container_1")), then.send)
    assert then.asked == ["alpha"]


async def test_the_container_of_a_stream_is_seen_across_pieces_that_pass_unchanged(owners):
    data = b'event: message_delta\ndata: {"delta": {"container": {"id": "container_7", "expires_at": "x"}}}\n\n'
    stream = Pieces(data[:40], data[40:60], data[60:])
    body = json.dumps({"model": "m", "tools": [{"type": "code_execution_20260209"}]}).encode()
    response = await Pinned(owners).answer(asked("POST", "/v1/messages", body), Anthropic(stream=stream).send)
    assert response.stream is not None
    assert b"".join([piece async for piece in response.stream]) == data
    assert (await owners.find(["container_7"], principal="alice"))["container_7"].account == "alpha"


async def test_a_container_of_another_key_does_not_exist(owners):
    await owners.note(Owned("container_1", "container", "alpha"), principal="bob")
    anthropic = Anthropic()
    with pytest.raises(CallerRefused) as refused:
        await Pinned(owners).answer(asked("POST", "/v1/messages", with_container("container_1")), anthropic.send)
    assert (refused.value.status, anthropic.asked) == (404, [])


async def test_what_was_made_while_the_database_was_away_is_written_down_later(owners):
    owners.gone = True

    async def comes_back(_seconds):
        owners.gone = False

    pinned = Pinned(owners, sleep=comes_back)
    anthropic = Anthropic({"id": "file_1", "type": "file"})
    response = await pinned.answer(asked("POST", "/v1/files", b"--x"), anthropic.send)
    assert response.status == 200
    await pinned.background.drain(timeout=1)
    assert "file_1" in await owners.find(["file_1"], principal="alice")


async def test_what_could_never_be_written_down_is_said(owners, caplog):
    owners.gone = True
    pinned = Pinned(owners, sleep=slept)
    await pinned.answer(asked("POST", "/v1/files", b"--x"), Anthropic({"id": "file_1", "type": "file"}).send)
    await pinned.background.drain(timeout=1)
    assert "file_1 on account alpha could not be written down" in caplog.text


async def test_an_upload_that_failed_leaves_no_trace(owners):
    anthropic = Anthropic({"id": "file_1"}, status=400)
    await Pinned(owners).answer(asked("POST", "/v1/files", b"--x"), anthropic.send)
    assert owners.rows == {}


async def test_what_could_not_be_deleted_is_remembered(owners):
    await owners.note(Owned("file_1", "file", "beta"), principal="alice")
    anthropic = Anthropic(status=500)
    await Pinned(owners).answer(asked("DELETE", "/v1/files/file_1"), anthropic.send)
    assert anthropic.asked == ["beta"]
    assert "file_1" in owners.rows
