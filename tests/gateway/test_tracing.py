"""A request's spans, as an exporter gets them."""

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import structs
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from gateway.tracing import Spans
from gateway.witness import Finished, Witness
from tests.gateway.cast import CUT, MODEL, NOON, SECRET, Answers, fails, good_stream, ok, stage

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
MS = 1_000_000


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def spans(exporter: InMemorySpanExporter) -> Spans:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return Spans(provider.get_tracer("test"), account=str.title, pool=str.upper)


@pytest.fixture
def served(spans: Spans, exporter: InMemorySpanExporter) -> Any:
    """Serve one request; its spans in the order they ended, the request's last."""

    async def served(
        *, headers: tuple[tuple[str, str], ...] = (), options: dict[str, Any] | None = None, **scripts: Any
    ) -> list[ReadableSpan]:
        scene = stage(**scripts)
        await scene.load("pool")
        run = scene.run(ports=dataclasses.replace(scene.ports, witnesses=(spans,), timed=True), **(options or {}))
        run._request = structs.replace(run._request, headers=(*run._request.headers, *headers))
        response = await run.respond()
        if response.stream is not None:
            async for _ in response.stream:
                pass
        return list(exporter.get_finished_spans())

    return served


Served = Callable[..., Any]


async def test_a_request_holds_its_lease_its_call_and_its_settlement(served: Served) -> None:
    *inside, request = await served(alpha=[ok()])
    assert [span.name for span in inside] == ["lease", f"chat {MODEL}", "settle"]
    assert {span.parent.span_id for span in inside} == {request.context.span_id}
    assert (request.name, request.parent) == ("POST /v1/messages", None)


async def test_a_call_is_told_in_the_words_of_the_conventions(served: Served) -> None:
    _, call, _, _ = await served(alpha=[ok()])
    expected = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": MODEL,
        "gen_ai.usage.input_tokens": 10,
        "gen_ai.usage.output_tokens": 5,
        "http.response.status_code": 200,
        "nubabel.account": "Alpha",
        "nubabel.outcome": "success",
        "nubabel.upstream_request_id": "req_1",
    }
    assert {name: call.attributes[name] for name in expected} == expected
    assert (call.kind, call.status.status_code) == (SpanKind.CLIENT, StatusCode.UNSET)


async def test_a_failed_call_is_an_error_and_the_request_that_succeeded_is_none(served: Served) -> None:
    *inside, request = await served(alpha=[fails(500)], beta=[ok()])
    calls = [span for span in inside if span.name.startswith("chat")]
    assert [(call.attributes.get("error.type"), call.attributes["nubabel.account"]) for call in calls] == [
        ("server_error", "Alpha"),
        (None, "Beta"),
    ]
    assert (request.status.status_code, request.attributes["nubabel.attempts"]) == (StatusCode.UNSET, 2)


@pytest.mark.parametrize(
    ("answer", "judged"),
    [(fails(400, "invalid_request_error"), StatusCode.UNSET), (fails(500), StatusCode.ERROR)],
)
async def test_the_caller_s_own_errors_are_not_the_server_s(served: Served, answer: Answers, judged: Any) -> None:
    request = (await served(alpha=[answer], options={"source": "gateway"}))[-1]
    assert (request.status.status_code, request.kind) == (judged, SpanKind.SERVER)


async def test_a_stream_that_breaks_is_an_error_although_it_began_well(served: Served) -> None:
    broken = good_stream()
    broken.chunks[-2:] = [CUT]
    request = (await served(alpha=[broken], options={"stream": True}))[-1]
    assert (request.status.status_code, request.attributes["http.response.status_code"]) == (StatusCode.ERROR, 200)


async def test_times_are_those_at_which_it_happened(served: Served) -> None:
    lease, call, settle, request = await served(alpha=[ok()], clock=_Clock())
    assert request.start_time == NOON * MS
    assert lease.start_time < lease.end_time < call.start_time < call.end_time < settle.start_time
    assert request.end_time == settle.end_time


class _Clock:
    """Each look at it takes a millisecond."""

    def __init__(self) -> None:
        self.ms = NOON

    def now_ms(self) -> int:
        return NOON

    def monotonic(self) -> float:
        self.ms += 1
        return self.ms / 1_000

    async def sleep(self, seconds: float) -> None:
        self.ms += round(seconds * 1_000)


async def test_the_client_s_trace_goes_on_here(served: Served) -> None:
    request = (await served(alpha=[ok()], headers=(("traceparent", f"00-{TRACE}-{SPAN}-01"),)))[-1]
    assert f"{request.context.trace_id:032x}" == TRACE
    assert f"{request.parent.span_id:016x}" == SPAN


async def test_a_trace_that_the_client_does_not_record_is_not_recorded_here(served: Served) -> None:
    assert await served(alpha=[ok()], headers=(("traceparent", f"00-{TRACE}-{SPAN}-00"),)) == []


@pytest.mark.parametrize("odd", ["", "00-nonsense", f"00-{'0' * 32}-{SPAN}-01"])
async def test_a_trace_that_cannot_be_read_is_none(served: Served, odd: str) -> None:
    request = (await served(alpha=[ok()], headers=(("traceparent", odd),)))[-1]
    assert request.parent is None


async def test_no_span_holds_a_key_or_a_text(served: Served, exporter: InMemorySpanExporter) -> None:
    key = "nb_live_0123456789abcdefghij"
    headers = (("authorization", f"Bearer {key}"),)
    told = await served(alpha=[ok(text="the answer")], headers=headers, options={"session": f"of {key}"})
    shown = " ".join(span.to_json() for span in told)
    assert "of nb_live_" in shown
    for secret in (key, SECRET, "the answer"):
        assert secret not in shown


async def test_what_is_no_message_is_named_by_its_path(spans: Spans, exporter: InMemorySpanExporter) -> None:
    heard: list[Finished] = []
    await _respond((heard.append,))
    counted = structs.replace(heard[0].request, target="/v1/messages/count_tokens?beta=true")
    spans(heard[0]._replace(request=counted))
    assert f"count_tokens {MODEL}" in [span.name for span in exporter.get_finished_spans()]


async def _respond(witnesses: tuple[Witness, ...]) -> None:
    scene = stage(alpha=[ok()])
    scene.ports = dataclasses.replace(scene.ports, witnesses=witnesses, timed=True)
    await scene.respond()
