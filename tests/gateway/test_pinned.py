"""What makes or names a resource goes where it lies, and what was made is never forgotten."""

import asyncio
import json
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.errors import CallerRefused
from gateway.owners import Owned
from gateway.paths import route
from gateway.pinned import Answered, Asked, Pinned
from gateway.preparing import Context
from gateway.responses import Response
from gateway.wire import Request
from quota.engine.types import Client
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
    assert "file_1 on alpha could not be written down" in caplog.text


async def test_an_upload_that_failed_leaves_no_trace(owners):
    anthropic = Anthropic({"id": "file_1"}, status=400)
    await Pinned(owners).answer(asked("POST", "/v1/files", b"--x"), anthropic.send)
    assert owners.rows == {}


async def test_what_could_not_be_deleted_is_remembered(owners):
    await owners.note(Owned("file_1", "file", "beta"), principal="alice")
    anthropic = Anthropic(status=500)
    await Pinned(owners).answer(asked("DELETE", "/v1/files/file_1"), anthropic.send)
    assert anthropic.asked == ["beta"]
    assert "file_1" in await owners.find(["file_1"], principal="alice")


OUTPUT = {"type": "bash_code_execution_output", "file_id": "file_made"}
RESULT = {
    "type": "bash_code_execution_tool_result",
    "content": {"type": "bash_code_execution_result", "content": [OUTPUT]},
}
CODE = {"model": "m", "tools": [{"type": "code_execution_20260209", "name": "code_execution"}]}


def code(*content):
    said = [{"role": "assistant", "content": list(content)}]
    return json.dumps({**CODE, "messages": said}).encode()


async def test_a_file_made_by_code_execution_can_be_fetched_and_talked_about(owners):
    pinned = Pinned(owners)
    await pinned.answer(asked("POST", "/v1/messages", code()), Anthropic({"type": "message", "content": [RESULT]}).send)
    fetching, talking = Anthropic(), Anthropic({"type": "message"})
    assert (await pinned.answer(asked("GET", "/v1/files/file_made/content"), fetching.send)).status == 200
    assert (await pinned.answer(asked("POST", "/v1/messages", code(RESULT)), talking.send)).status == 200
    assert fetching.asked == ["alpha"]


async def test_a_file_made_in_a_stream_is_known_before_its_event_is_passed_on(owners):
    block = {"type": "content_block_start", "index": 1, "content_block": RESULT}
    event = f"event: content_block_start\r\ndata: {json.dumps(block)}\r\n\r\n".encode()
    stream = Pieces(event[:50], event[50:])
    response = await Pinned(owners).answer(asked("POST", "/v1/messages", code()), Anthropic(stream=stream).send)
    assert response.stream is not None
    heard = b""
    async for piece in response.stream:
        heard += piece
        known = await owners.find(["file_made"], principal="alice")
        assert bool(known) == (heard == event)
    assert heard == event


@pytest.mark.parametrize(
    ("method", "target", "document"),
    [
        (
            "POST",
            "/v1/messages",
            {"type": "message", "content": [{"input": {"results_url": "https://jobs.example/v1/x"}}]},
        ),
        ("GET", "/v1/files/file_1/content", {"results_url": "https://jobs.example/v1/x"}),
        ("GET", "/v1/messages/batches/msgbatch_1/results", {"id": "x", "results_url": "https://jobs.example/v1/x"}),
    ],
)
async def test_what_is_not_a_batch_is_passed_on_as_it_is(owners, method, target, document):
    for id_, kind in (("file_1", "file"), ("msgbatch_1", "batch")):
        await owners.note(Owned(id_, kind, "alpha", {"id": id_}), principal="alice")
    anthropic = Anthropic(document)
    response = await Pinned(owners).answer(
        asked(method, target, b'{"model": "m"}' if method == "POST" else b""), anthropic.send
    )
    assert response.body == anthropic.response.body


async def test_what_expired_at_anthropic_is_forgotten_here(owners):
    await owners.note(Owned("file_1", "file", "alpha"), principal="alice")
    await Pinned(owners).answer(asked("GET", "/v1/files/file_1"), Anthropic(status=404).send)
    assert await owners.find(["file_1"], principal="alice") == {}


async def test_a_new_batch_that_is_not_found_for_a_moment_is_not_forgotten(owners):
    await owners.note(Owned("msgbatch_1", "batch", "alpha", open=True), principal="alice")
    await Pinned(owners).answer(asked("GET", "/v1/messages/batches/msgbatch_1"), Anthropic(status=404).send)
    assert "msgbatch_1" in await owners.find(["msgbatch_1"], principal="alice")


async def test_what_is_gone_at_anthropic_can_be_deleted_here(owners):
    await owners.note(Owned("msgbatch_1", "batch", "alpha"), principal="alice")
    await Pinned(owners).answer(asked("DELETE", "/v1/messages/batches/msgbatch_1"), Anthropic(status=404).send)
    assert await owners.find(["msgbatch_1"], principal="alice") == {}


async def test_a_deletion_that_worked_is_answered_though_the_database_is_away(owners):
    await owners.note(Owned("file_1", "file", "alpha"), principal="alice")

    async def comes_back(_seconds):
        owners.gone = False

    async def deletes(request, context):
        owners.gone = True
        return await Anthropic({"id": "file_1", "type": "file_deleted"}).send(request, context)

    pinned = Pinned(owners, sleep=comes_back)
    assert (await pinned.answer(asked("DELETE", "/v1/files/file_1"), deletes)).status == 200
    await pinned.background.drain(timeout=1)
    assert await owners.find(["file_1"], principal="alice") == {}


class SlowAnthropic(Anthropic):
    """Makes the thing, and answers when told to."""

    def __init__(self, document):
        super().__init__(document)
        self.reached = asyncio.Event()
        self.answers = asyncio.Event()

    async def send(self, request, context):
        self.reached.set()
        await self.answers.wait()
        return await super().send(request, context)


@pytest.mark.parametrize(
    ("target", "document"),
    [
        ("/v1/messages/batches", {"id": "msgbatch_1", "type": "message_batch", "processing_status": "in_progress"}),
        ("/v1/files", {"id": "file_1", "type": "file"}),
        ("/v1/skills", {"id": "skill_1", "type": "skill"}),
    ],
)
async def test_what_is_made_for_a_caller_who_leaves_meanwhile_is_written_down(owners, target, document):
    pinned, anthropic = Pinned(owners), SlowAnthropic(document)
    asking: Any = asyncio.ensure_future(pinned.answer(asked("POST", target, b"{}"), anthropic.send))
    await anthropic.reached.wait()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    anthropic.answers.set()
    assert await pinned.background.drain(timeout=1)
    assert await owners.find([document["id"]], principal="alice")


async def test_a_batch_is_made_on_behalf_of_its_key(owners):
    document = {"id": "msgbatch_1", "type": "message_batch", "processing_status": "in_progress"}
    making = asked("POST", "/v1/messages/batches", b"{}")
    making = replace(making, context=replace(making.context, client=Client("key-of-alice")))
    await Pinned(owners).answer(making, Anthropic(document).send)
    assert owners.rows["msgbatch_1"][1].client == "key-of-alice"


async def test_what_a_batch_cost_is_settled_before_it_is_deleted(owners):
    await owners.note(Owned("msgbatch_1", "batch", "alpha", {"id": "msgbatch_1"}), principal="alice")
    anthropic, settled = Anthropic({"id": "msgbatch_1"}), []

    async def settle(id_):
        settled.append((id_, list(anthropic.asked)))

    await Pinned(owners, before_deletion=settle).answer(
        asked("DELETE", "/v1/messages/batches/msgbatch_1"), anthropic.send
    )
    assert settled == [("msgbatch_1", [])]
    assert anthropic.asked == ["alpha"]


async def test_a_batch_whose_cost_cannot_be_settled_is_kept(owners):
    await owners.note(Owned("msgbatch_1", "batch", "alpha", {"id": "msgbatch_1"}), principal="alice")
    anthropic = Anthropic()

    async def settle(_id):
        raise CallerRefused(503, "api_error", "not now")

    with pytest.raises(CallerRefused):
        await Pinned(owners, before_deletion=settle).answer(
            asked("DELETE", "/v1/messages/batches/msgbatch_1"), anthropic.send
        )
    assert anthropic.asked == []
    assert await owners.find(["msgbatch_1"], principal="alice")
