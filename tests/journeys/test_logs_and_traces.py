"""What a real web process tells machines: JSON on standard error, spans at a collector."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web as http
from asgiref.sync import sync_to_async
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from pytest_django.fixtures import Settings

from simulator.testing import RunningSimulator, running_simulator
from simulator.world import World
from tests.journeys.processes import MESSAGE, PATIENCE, pool_of, web

pytestmark = [pytest.mark.faults, pytest.mark.django_db(transaction=True)]
TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@dataclass
class Collector:
    """Takes OTLP over HTTP, as protobuf."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    async def take(self, request: http.Request) -> http.Response:
        self.bodies.append(await request.read())
        self.headers.append(dict(request.headers))
        return http.Response(body=b"", content_type="application/x-protobuf")

    @property
    def spans(self) -> list[Any]:
        told = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        return [span for one in told for of in one.resource_spans for in_ in of.scope_spans for span in in_.spans]


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    collector = Collector()
    app = http.Application()
    app.router.add_post("/v1/traces", collector.take)
    runner = http.AppRunner(app)
    await runner.setup()
    try:
        await http.TCPSite(runner, "127.0.0.1", 0).start()
        collector.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield collector
    finally:
        await runner.cleanup()


@pytest.fixture
async def simulator(settings: Settings) -> AsyncIterator[RunningSimulator]:
    world = World(seed=7)
    world.add_account("alpha")
    async with running_simulator(world) as running:
        settings.ALLOWED_BASE_URLS = (running.url,)
        yield running


async def test_a_request_leaves_a_line_and_a_trace_and_no_secret(simulator: RunningSimulator, tmp_path: Path) -> None:
    pool, key = await sync_to_async(pool_of)(simulator)
    log = tmp_path / "stderr"
    async with asyncio.timeout(2 * PATIENCE), collecting() as collector:
        told = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_EXPORTER_OTLP_HEADERS": "x-collector=letmein"}
        with log.open("w") as stderr:
            async with web(simulator, key, log=stderr, LOG_FORMAT="json", UNREADY_SECONDS="0", **told) as running:
                headers = {"x-api-key": key, "anthropic-version": "2023-06-01", "traceparent": f"00-{TRACE}-{SPAN}-01"}
                async with running.http.post(f"{running.url}/v1/messages", json=MESSAGE, headers=headers) as answer:
                    assert answer.status == 200
                    activity = answer.headers["nubabel-activity"]
                async with running.http.post(f"{running.url}/v1/messages", json=MESSAGE) as refused:
                    assert refused.status == 401
                running.told_to_stop()
                assert await running.exit_code(within=PATIENCE) == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    _check_lines([line for line in lines if line["logger"] == "gateway.access"], activity, pool.name)
    _check_spans(collector, activity, pool.name)
    secrets = (key, simulator.key("alpha"), "letmein", MESSAGE["messages"][0]["content"])  # type: ignore[index]
    for shown in (log.read_bytes(), *collector.bodies):
        assert not [secret for secret in secrets if secret.encode() in shown]


def _check_lines(lines: list[dict[str, Any]], activity: str, pool: str) -> None:
    served, refused = sorted(lines, key=lambda line: line["status"])
    expected = {"request_id": activity, "account": "alpha", "pool": pool, "access_key": "journey", "level": "info"}
    assert {name: served[name] for name in expected} == expected
    assert (refused["status"], refused["address"]) == (401, "127.0.0.1")


def _check_spans(collector: Collector, activity: str, pool: str) -> None:
    (request,) = [span for span in collector.spans if span.name == "POST /v1/messages"]
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, SPAN)
    attributes = {pair.key: pair.value.string_value for pair in request.attributes}
    assert (attributes["nubabel.activity"], attributes["nubabel.pool"]) == (activity, pool)
    inside = [span.name for span in collector.spans if span.parent_span_id == request.span_id]
    assert inside[-3:] == ["lease", "chat claude-sonnet-5-5", "settle"]
    assert {headers["x-collector"] for headers in collector.headers} == {"letmein"}
