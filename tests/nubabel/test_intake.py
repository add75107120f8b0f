"""Bodies that are too large or too slow are refused before Django waits for them."""

import asyncio
import json

from nubabel import intake
from nubabel.intake import MAX_BYTES, Patience

SHORT = Patience(gap=0.01, total=0.05)


def piece(body=b"", more=False):
    return {"type": "http.request", "body": body, "more_body": more}


async def ask(*pieces, declared=None, patience=SHORT):
    """What is answered to a body that comes in these pieces and then stalls."""
    waiting, sent = list(pieces), []
    headers = [] if declared is None else [(b"content-length", str(declared).encode())]

    async def receive():
        if not waiting:
            await asyncio.Event().wait()
        return waiting.pop(0)

    async def send(message):
        sent.append(message)

    async def application(_scope, receive, send):
        while (await receive())["more_body"]:
            pass
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'{"error": {"code": ""}}'})

    await intake.serve(application, {"type": "http", "headers": headers}, receive, send, patience=patience)
    return sent[0]["status"], json.loads(sent[1]["body"])["error"]["code"]


async def test_an_ordinary_body_goes_through():
    assert await ask(piece(b"{", more=True), piece(b"}")) == (200, "")


async def test_a_body_declared_too_large_is_refused_before_it_is_read():
    assert await ask(declared=MAX_BYTES + 1) == (413, "too_large")


async def test_a_body_that_grows_too_large_is_refused_while_it_is_read():
    half = piece(b"x" * (MAX_BYTES // 2 + 1), more=True)
    assert await ask(half, half) == (413, "too_large")


async def test_a_body_that_stalls_is_refused():
    assert await ask(piece(b"{", more=True)) == (408, "too_slow")


async def test_waiting_for_the_caller_to_leave_has_no_deadline():
    received = []

    async def receive():
        received.append(1)
        return piece() if len(received) == 1 else {"type": "http.disconnect"}

    body = intake.Intake(receive, patience=Patience(gap=10, total=0.0001))
    body._due += 1
    await body()
    body._due = 0
    assert (await body())["type"] == "http.disconnect"
