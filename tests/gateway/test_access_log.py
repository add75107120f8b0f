"""What is logged of a request that is over."""

import dataclasses
import logging
from typing import Any

import pytest
from msgspec import structs

from gateway import access_log
from gateway.access_log import AccessLog
from gateway.witness import Finished
from tests.gateway.cast import CUT, SECRET, fails, good_stream, ok, stage


@pytest.fixture
def heard() -> list[Finished]:
    return []


async def finished(heard: list[Finished], *, options: dict[str, Any] | None = None, **scripts: Any) -> Finished:
    scene = stage(**scripts)
    scene.ports = dataclasses.replace(scene.ports, witnesses=(heard.append,), timed=True)
    _, response = await scene.respond(**(options or {}))
    if response.stream is not None:
        async for _ in response.stream:
            pass
    (one,) = heard
    return one


def line(one: Finished) -> dict[str, Any]:
    told = access_log.line_of(one, account=str.title, pool=str.upper)
    return {name: getattr(told, name) for name in told.__struct_fields__}


async def test_a_line_names_the_request_the_account_and_the_outcome(heard: list[Finished]) -> None:
    one = await finished(heard, alpha=[ok()], options={"session": "s-1", "caller": "ci"})
    told = line(one)
    assert told["message"] == "POST /v1/messages 200 completed in 0 ms, Alpha"
    expected = {"request_id": "activity-1", "upstream_request_id": "req_1", "account": "Alpha", "pool": "POOL"}
    expected |= {"session": "s-1", "access_key": "ci", "outcome": "completed"}
    assert {name: told[name] for name in expected} == expected
    assert (told["input_tokens"], told["output_tokens"], told["attempt"], told["status"]) == (10, 5, 1, 200)


async def test_a_failover_lists_its_calls(heard: list[Finished]) -> None:
    told = line(await finished(heard, alpha=[fails(500)], beta=[ok()]))
    assert [(one.account, one.outcome, one.status) for one in told["attempts"]] == [
        ("Alpha", "server_error", 500),
        ("Beta", "success", 200),
    ]


async def test_a_failure_says_what_the_caller_was_told(heard: list[Finished]) -> None:
    told = line(await finished(heard, alpha=[fails(400, "invalid_request_error")]))
    assert (told["status"], told["outcome"]) == (400, "caller_error")


async def test_a_refusal_has_no_account(heard: list[Finished]) -> None:
    told = line(await finished(heard, alpha=[ok()], options={"only": "nobody"}))
    assert told["message"].endswith("no account")
    assert told["status"] >= 400


async def test_a_stream_is_told_of_when_it_has_ended(heard: list[Finished]) -> None:
    told = line(await finished(heard, alpha=[good_stream()], options={"stream": True}))
    assert (told["stream"], told["outcome"]) == (True, "completed")
    assert told["first_byte_ms"] == 0


async def test_a_stream_that_breaks_is_no_success(heard: list[Finished]) -> None:
    broken = good_stream()
    broken.chunks[-2:] = [CUT]
    told = line(await finished(heard, alpha=[broken], options={"stream": True}))
    assert (told["status"], told["outcome"] == "completed") == (200, False)


async def test_a_caller_who_leaves_is_told_of_once(heard: list[Finished]) -> None:
    scene = stage(alpha=[good_stream()])
    scene.ports = dataclasses.replace(scene.ports, witnesses=(heard.append,))
    _, response = await scene.respond(stream=True)
    assert response.stream is not None
    await response.stream.aclose()
    await response.stream.aclose()
    assert [line(one)["outcome"] for one in heard] == ["caller_left"]


async def test_the_stages_follow_each_other(heard: list[Finished]) -> None:
    one = await finished(heard, alpha=[fails(500)], beta=[ok()])
    assert [part.name for part in one.stages] == ["lease", "load", *["lease", "attempt", "settle"] * 2]


async def test_no_line_holds_a_key_or_a_text(heard: list[Finished]) -> None:
    told = str(line(await finished(heard, alpha=[ok(text="the answer")])))
    assert SECRET not in told
    assert "the answer" not in told


async def test_a_path_stays_on_its_line(heard: list[Finished]) -> None:
    one = await finished(heard, alpha=[ok()])
    odd = one._replace(request=structs.replace(one.request, target="/v1/messages\nforged?q=1"))
    assert line(odd)["path"] == r"'/v1/messages\nforged'"


async def test_lines_are_written_together(heard: list[Finished], caplog: pytest.LogCaptureFixture) -> None:
    one = await finished(heard, alpha=[ok()])
    log = AccessLog(account=str, pool=str)
    log(one)
    log(one)
    log.flush()
    log.flush()
    (record,) = [record for record in caplog.records if record.name == "gateway.access"]
    assert len(record.__dict__["lines"]) == 2


def test_a_refusal_at_the_door_names_the_address(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    scope = {"method": "POST", "path": "/v1/messages\n", "client": ("192.0.2.7", 1)}
    access_log.refused(scope, status=401, why="authentication_error")
    (record,) = caplog.records
    assert record.__dict__["address"] == "192.0.2.7"
    assert "\n" not in record.getMessage()


async def test_a_witness_that_fails_does_not_fail_the_request() -> None:
    heard: list[Finished] = []

    def fails_always(_: Finished) -> None:
        raise ValueError("no")

    scene = stage(alpha=[ok()])
    scene.ports = dataclasses.replace(scene.ports, witnesses=(fails_always, heard.append))
    _, response = await scene.respond()
    assert response.status == 200
    assert len(heard) == 1
