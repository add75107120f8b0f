"""OpenTelemetry, when OTEL_EXPORTER_OTLP_ENDPOINT says where to: we import nothing of it otherwise.

The exporter speaks OTLP over HTTP and works in a thread of its own; what it cannot keep up with it drops. The SDK's
other variables (OTEL_TRACES_SAMPLER, OTEL_RESOURCE_ATTRIBUTES, OTEL_EXPORTER_OTLP_CERTIFICATE …) count as ever.
"""

import asyncio
import logging
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from django.conf import settings

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

EXPORT_SECONDS: Final = 3.0
"""So long one delivery may take."""
FLUSH_SECONDS: Final = 4.0
"""So long a stopping process waits for the last of them."""

logger = logging.getLogger(__name__)


class _Tracing:
    """This process's, once it has begun."""

    provider: "TracerProvider | None" = None


def begin() -> None:
    """Have spans exported from now on, if that is configured."""
    if not settings.OTEL_EXPORTER_OTLP_ENDPOINT or _Tracing.provider is not None:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    from gateway.tracing import export_through

    for name in ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS"):
        if value := getattr(settings, name):
            os.environ.setdefault(name, value)  # may stand in .env, which the SDK does not read
    _Tracing.provider = provider_over(OTLPSpanExporter(timeout=EXPORT_SECONDS))
    export_through(_Tracing.provider)
    logger.info("traces are exported", extra={"action": "tracing"})


def provider_over(exporter: "SpanExporter") -> "TracerProvider":
    """What makes spans and hands them to this exporter, in batches."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({"service.name": settings.OTEL_SERVICE_NAME})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    return provider


async def end() -> None:
    """Export what is left, and stop."""
    provider, _Tracing.provider = _Tracing.provider, None
    if provider is not None:
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.to_thread(provider.shutdown), FLUSH_SECONDS)
