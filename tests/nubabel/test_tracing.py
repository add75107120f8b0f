"""Traces are exported where that is configured, and cost nothing elsewhere."""

import subprocess
import sys
import threading
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pytest_django.fixtures import Settings

from nubabel import tracing

LOADED = """
import django; django.setup()
import sys, asyncio, gateway.wiring, nubabel.lifespan
from nubabel import tracing
tracing.begin()
asyncio.run(tracing.end())
ours = ("opentelemetry.sdk.trace", "opentelemetry.exporter", "gateway.tracing")
print([name for name in sys.modules if name.startswith(ours)])
"""


def test_without_a_collector_nothing_of_it_is_imported() -> None:
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


async def test_what_is_left_is_exported_at_the_end(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.OTEL_SERVICE_NAME = "ours"
    exporter = InMemorySpanExporter()
    provider = tracing.provider_over(exporter)
    monkeypatch.setattr(tracing._Tracing, "provider", provider)
    provider.get_tracer("test").start_span("the last").end()
    await tracing.end()
    (span,) = exporter.get_finished_spans()
    assert (span.name, span.resource.attributes["service.name"]) == ("the last", "ours")


async def test_a_collector_that_hangs_does_not_keep_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = threading.Event()

    class Hanging:
        def shutdown(self) -> None:
            let_go.wait(20)

    provider: Any = Hanging()
    monkeypatch.setattr(tracing._Tracing, "provider", provider)
    monkeypatch.setattr(tracing, "FLUSH_SECONDS", 0.01)
    await tracing.end()
    let_go.set()
