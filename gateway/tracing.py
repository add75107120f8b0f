"""A request that is over, as OpenTelemetry's spans: the request, and in it every lease, call and settlement.

    request (server, or internal for the SDK's face)
    ├── lease, load, wait     the engine was asked; the pool had to be loaded; nobody could serve
    ├── chat <model>          one call to Anthropic (client), with the attributes of the gen_ai conventions
    └── settle

Spans are made when all is known, with the times at which things happened: nothing is carried through the request for
them. The client's `traceparent` is the parent, if it sends one. Upstream nothing of it is sent: requests go there as
they came, and it is not among what Anthropic documents.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from opentelemetry.context import Context
from opentelemetry.semconv._incubating.attributes import gen_ai_attributes as gen_ai
from opentelemetry.semconv.attributes import error_attributes, http_attributes, url_attributes
from opentelemetry.trace import (
    NoOpTracerProvider,
    Span,
    SpanKind,
    StatusCode,
    Tracer,
    TracerProvider,
    set_span_in_context,
)
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import AttributeValue

from accounts.redaction import redact
from gateway.preparing import MESSAGES_PATH
from gateway.witness import Finished, Name, Stage
from quota.records import AttemptRecord

Attributes = Mapping[str, AttributeValue]

GATEWAY: Final = "gateway"
_OURS: Final = 500
"""From this status on a server's span is an error by the conventions; what is below is the caller's."""
_propagator: Final = TraceContextTextMapPropagator()


class _Exported:
    """Where this process's spans go. Not OpenTelemetry's global one: by that every library would send its own."""

    through: TracerProvider = NoOpTracerProvider()


def export_through(provider: TracerProvider) -> None:
    """Have `spans` send theirs there from now on."""
    _Exported.through = provider


def spans(*, account: Name, pool: Name) -> "Spans":
    """Give a witness that exports where `export_through` said, or nowhere."""
    return Spans(_Exported.through.get_tracer("nubabel.gateway"), account=account, pool=pool)


class Spans:
    """A witness."""

    def __init__(self, tracer: Tracer, *, account: Name, pool: Name) -> None:
        self._tracer = tracer
        self._account = account
        self._pool = pool

    def __call__(self, finished: Finished) -> None:
        """Hand the request's spans to the tracer."""
        begun = finished.ended.begun_ms * 1_000_000
        kind = SpanKind.SERVER if finished.source == GATEWAY else SpanKind.INTERNAL
        parent = _propagator.extract(dict(finished.request.headers), context=Context())
        path = _path(finished)
        with_pool = {**request_attributes(finished, path), "nubabel.pool": self._pool(finished.pool)}
        name = f"{finished.request.method} {path}"
        span = self._tracer.start_span(name, parent, kind, _clean(with_pool), start_time=begun)
        if span.is_recording():
            _judge(span, failed=_is_ours(finished), error=finished.ended.error_type)
            for stage, call in _with_calls(finished):
                self._stage(finished, stage, call, inside=set_span_in_context(span, parent))
        span.end(max(begun + _ns(stage.ended) for stage in (*finished.stages, _NO_TIME)))

    def _stage(self, finished: Finished, stage: Stage, call: AttemptRecord | None, *, inside: Context) -> None:
        begun = finished.ended.begun_ms * 1_000_000
        kind, name = (SpanKind.CLIENT, _call_name(finished)) if call else (SpanKind.INTERNAL, stage.name)
        attributes = {**call_attributes(finished, call), "nubabel.account": self._account(call.account)} if call else {}
        span = self._tracer.start_span(name, inside, kind, _clean(attributes), start_time=begun + _ns(stage.began))
        if call is not None:
            _judge(span, failed=call.outcome != "success", error=call.outcome)
        span.end(begun + _ns(stage.ended))


def _with_calls(finished: Finished) -> Iterator[tuple[Stage, AttemptRecord | None]]:
    calls = iter(finished.ended.attempts)
    for stage in finished.stages:
        yield stage, next(calls, None) if stage.name == "attempt" else None


_NO_TIME: Final = Stage("settle", 0.0, 0.0)


def request_attributes(finished: Finished, path: str) -> Attributes:
    """What is said of the request as a whole. No text of it, and no key."""
    ended = finished.ended
    told: dict[str, AttributeValue] = {
        http_attributes.HTTP_REQUEST_METHOD: finished.request.method,
        http_attributes.HTTP_RESPONSE_STATUS_CODE: finished.status,
        url_attributes.URL_PATH: path,
        gen_ai.GEN_AI_REQUEST_MODEL: ended.model,
        gen_ai.GEN_AI_CONVERSATION_ID: finished.session,
        "nubabel.activity": ended.activity,
        "nubabel.access_key": finished.caller,
        "nubabel.attempts": len(ended.attempts),
        "nubabel.outcome": "completed" if ended.ok else ended.error_type,
    }
    return {name: value for name, value in told.items() if value not in {"", None}}


def call_attributes(finished: Finished, call: AttemptRecord) -> Attributes:
    """What is said of one call, in the words of the gen_ai conventions. Their input tokens include the cache's."""
    usage, first = call.usage, call.first_content_ms
    told: dict[str, AttributeValue | None] = {
        gen_ai.GEN_AI_OPERATION_NAME: _operation(finished),
        gen_ai.GEN_AI_PROVIDER_NAME: "anthropic",
        gen_ai.GEN_AI_REQUEST_MODEL: call.model,
        gen_ai.GEN_AI_REQUEST_STREAM: finished.stream,
        gen_ai.GEN_AI_CONVERSATION_ID: call.session,
        gen_ai.GEN_AI_USAGE_INPUT_TOKENS: usage.prompt,
        gen_ai.GEN_AI_USAGE_OUTPUT_TOKENS: usage.output_tokens,
        gen_ai.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS: usage.cache_read_tokens,
        gen_ai.GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS: usage.cache_write_5m_tokens + usage.cache_write_1h_tokens,
        gen_ai.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK: (first - call.started_ms) / 1_000 if first else None,
        http_attributes.HTTP_RESPONSE_STATUS_CODE: call.status,
        "nubabel.attempt": call.number,
        "nubabel.outcome": call.outcome,
        "nubabel.why": call.why,
        "nubabel.upstream_request_id": call.request_id,
    }
    return {name: value for name, value in told.items() if value is not None and value != ""}


def _operation(finished: Finished) -> str:
    """`chat`, or for what the conventions have no word for the last part of the path."""
    path = finished.request.target.partition("?")[0].rstrip("/")
    return "chat" if path == MESSAGES_PATH else path.rpartition("/")[2][:40]


def _call_name(finished: Finished) -> str:
    return f"{_operation(finished)} {finished.ended.model}".strip()


def _path(finished: Finished) -> str:
    return finished.request.target.partition("?")[0][:200]


def _is_ours(finished: Finished) -> bool:
    """Whether the conventions call it an error of the server: also a stream that broke after its good beginning."""
    return not finished.ended.ok and not _OURS > finished.status >= 400  # noqa: PLR2004


def _judge(span: Span, *, failed: bool, error: str) -> None:
    if failed:
        span.set_status(StatusCode.ERROR)
        span.set_attribute(error_attributes.ERROR_TYPE, error)


def _clean(attributes: Attributes) -> dict[str, AttributeValue]:
    return {name: redact(value) if isinstance(value, str) else value for name, value in attributes.items()}


def _ns(seconds: float) -> int:
    return round(seconds * 1_000_000_000)
