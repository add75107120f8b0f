"""One upstream call, up to the point where the caller can be given something."""

from typing import Final

import msgspec
from msgspec.structs import replace

from accounts.directory import Credential
from accounts.errors import AccountsError, BaseUrlRefused, UndecryptableKey, UnknownAccount
from gateway import forwarding
from gateway.calls import Call, Returned
from gateway.errors import UnusableRequest, UpstreamFault
from gateway.outcomes import classify
from gateway.pacing import Pacer, read_next
from gateway.plain import identity
from gateway.ports import Ports
from gateway.rate_limits import said
from gateway.replies import ERROR_BODY_MAX, STATUS_OF_TYPE, Fault, Reply, read_error
from gateway.responses import Saved
from gateway.sse import StreamObserver
from gateway.usage import Reading, read_message
from gateway.veiling import veiled
from gateway.wire import Exchange, Request
from quota.engine.types import Lease

WHOLE_MAX: Final = 8 * 1024 * 1024
"""Bytes of an answer that are held until it is complete; a larger one (a file) is passed on as it comes."""

_UNDECIDED: Final = classify(Reply(status=200), now_ms=0)
"""What stands for the outcome until the call has ended."""


class Ended(msgspec.Struct, frozen=True):
    """The call is over; `saved` is its answer, if there was one."""

    returned: Returned
    saved: Saved | None = None


class Opened(msgspec.Struct):
    """The answer has begun well: `held` is what came so far, the rest is to be read from `exchange`."""

    exchange: Exchange
    pacer: Pacer
    head: Saved
    base: Reply
    """The reply so far; what happens later is judged on top of it."""
    returned: Returned
    """What is known of the call, but for its outcome."""
    observer: StreamObserver | None = None
    held: list[bytes] = msgspec.field(default_factory=list)


class Sender:
    """Makes one upstream call. `sent` tells, whatever happens, whether the request may have left."""

    def __init__(self, ports: Ports, call: Call, request: Request) -> None:
        self._ports = ports
        self._call = call
        self._request = request
        self.sent = False
        self._began_ms = 0

    async def send(self, lease: Lease) -> Ended | Opened:
        """Call, and read until the answer is complete, broken, or shows content."""
        self.sent = False
        try:
            credential = await self._ports.credentials.get(lease.account)
        except AccountsError as error:
            return self._unusable(error)
        return await self._exchange(credential)

    def fault(self, fault: Fault, *, origin: str = "") -> Returned:
        """Judge a call that ended in a fault before any answer."""
        reply = Reply(fault=fault, model=self._call.model, group=self._call.group, origin=origin)
        outcome = classify(reply, now_ms=self._ports.clock.now_ms())
        return Returned(replace(outcome, sent=self.sent, maybe_billed=self.sent))

    def _unusable(self, error: AccountsError) -> Ended:
        origin = error.origin if isinstance(error, BaseUrlRefused) else ""
        returned = self.fault(_account_fault(error), origin=origin)
        if isinstance(error, UndecryptableKey | BaseUrlRefused):
            self._ports.complaints.once(returned.outcome.caller.message, detail=str(error))
        return Ended(returned)

    def _fault(self, fault: Fault) -> Ended:
        return Ended(self.fault(fault))

    async def _exchange(self, credential: Credential) -> Ended | Opened:
        pacer = Pacer(self._ports.clock, self._ports.deadlines, stream=self._call.stream)
        self.sent = True
        self._began_ms = self._ports.clock.now_ms()
        try:
            exchange = await self._ports.upstream.open(self._request, credential, first_byte=pacer.first_byte)
        except UpstreamFault as error:
            self.sent = error.sent
            return self._fault(error.fault)
        except UnusableRequest:
            self.sent = False
            raise
        try:
            result = await self._read(exchange, pacer)
        except BaseException:
            exchange.close()
            raise
        return _veiled(result, credential)

    async def _read(self, exchange: Exchange, pacer: Pacer) -> Ended | Opened:
        opened = self._opened(exchange, pacer)
        try:
            result = await self._judge_head(opened)
        except UpstreamFault as error:
            result = self.ended(opened, fault=error.fault)
        if isinstance(result, Ended):
            exchange.close()
        return result

    def _opened(self, exchange: Exchange, pacer: Pacer) -> Opened:
        headers = exchange.headers
        base = Reply(status=exchange.status, headers=headers, model=self._call.model, group=self._call.group)
        returned = Returned(
            outcome=_UNDECIDED,
            request_id=identity(headers.get("request-id", "")),
            organization=identity(headers.get("anthropic-organization-id", "")),
            workspace=identity(headers.get("anthropic-workspace-id", "")),
            said=said(headers, group=self._call.group, sent_ms=self._began_ms, heard_ms=self._ports.clock.now_ms()),
        )
        head = Saved(exchange.status, forwarding.response_headers(headers))
        return Opened(exchange, pacer, head, base, returned)

    async def _judge_head(self, opened: Opened) -> Ended | Opened:
        good = 200 <= opened.exchange.status < 300  # noqa: PLR2004
        if not good:
            return await self._read_error(opened)
        if opened.exchange.headers.get("content-encoding", "identity") not in {"identity", ""}:
            return self.ended(opened, fault=Fault.ENCODED)
        if "text/event-stream" in opened.exchange.headers.get("content-type", ""):
            return await self._read_to_content(opened)
        if self._call.stream:
            return self.ended(opened, fault=Fault.MALFORMED)
        return await self._read_whole(opened)

    async def _read_error(self, opened: Opened) -> Ended:
        body = b""
        try:
            while len(body) < ERROR_BODY_MAX and (chunk := await read_next(opened.exchange, opened.pacer)):
                body += chunk
        except UpstreamFault:
            pass  # the status says enough
        return self.ended(opened, body=body)

    async def _read_whole(self, opened: Opened) -> Ended | Opened:
        size = 0
        while chunk := await read_next(opened.exchange, opened.pacer):
            opened.held.append(chunk)
            size += len(chunk)
            if size > WHOLE_MAX:
                return opened
        body = b"".join(opened.held)
        reading = read_message(body)
        if reading is None and self._says_json_object(opened.exchange):
            return self.ended(opened, body=body, fault=Fault.MALFORMED)
        now_ms = self._ports.clock.now_ms()
        opened.returned = replace(opened.returned, reading=reading or Reading(), first_content_ms=now_ms)
        return self.ended(opened, body=body)

    def _says_json_object(self, exchange: Exchange) -> bool:
        """What is fetched (results, a file) may be anything; what is asked to be done is answered by an object."""
        said = exchange.headers.get("content-type", "application/json")
        return self._request.method == "POST" and "application/json" in said

    async def _read_to_content(self, opened: Opened) -> Ended | Opened:
        observer = opened.observer = StreamObserver()
        while not observer.content_seen:
            chunk = await read_next(opened.exchange, opened.pacer)
            if not chunk:
                return self.ended(opened, fault=Fault.CUT)
            opened.held.append(chunk)
            observer.feed(chunk)
            opened.pacer.event()
            if observer.error is not None or observer.malformed:
                return self._broken_early(opened, observer)
        opened.pacer.content()
        opened.returned = replace(opened.returned, first_content_ms=self._ports.clock.now_ms())
        return opened

    def _broken_early(self, opened: Opened, observer: StreamObserver) -> Ended:
        """Nothing has reached the caller yet, so another account may still do better."""
        if observer.error is not None:
            ended = self.ended(opened, body=observer.error, in_stream=True)
            return Ended(ended.returned, _as_answer(opened.head, observer.error))
        return self.ended(opened, fault=Fault.MALFORMED)

    def ended(self, opened: Opened, *, body: bytes = b"", fault: Fault | None = None, in_stream: bool = False) -> Ended:
        """Judge a call from everything known when it ended."""
        delivering = opened.returned.delivering
        reply = Reply(
            status=opened.base.status,
            headers=opened.base.headers,
            body=body,
            fault=fault,
            in_stream=in_stream,
            content_seen=delivering,
            model=opened.base.model,
            group=opened.base.group,
        )
        outcome = classify(reply, now_ms=self._ports.clock.now_ms())
        observer = opened.observer
        if delivering and observer is None:
            outcome = replace(outcome, maybe_billed=True)  # too large to have been read for its usage
        reading = observer.reading if observer else opened.returned.reading
        generated = observer.generated_tokens if observer and not observer.stopped else 0
        returned = replace(opened.returned, outcome=outcome, reading=reading, generated_tokens=generated)
        return Ended(returned, Saved(opened.head.status, opened.head.headers, body))


def _veiled(result: Ended | Opened, credential: Credential) -> Ended | Opened:
    """What failed goes on without the key it was asked with."""
    if isinstance(result, Opened) or result.saved is None or result.saved.status < 400:  # noqa: PLR2004
        return result
    return Ended(result.returned, veiled(result.saved, credential.api_key))


def _account_fault(error: AccountsError) -> Fault:
    match error:
        case BaseUrlRefused():
            return Fault.ORIGIN_REFUSED
        case UndecryptableKey():
            return Fault.KEY_UNREADABLE
        case UnknownAccount():
            return Fault.ACCOUNT_GONE
        case _:
            return Fault.OURS


def _as_answer(head: Saved, error: bytes) -> Saved:
    """Turn an error event into the error answer it would have been a moment earlier."""
    identity_headers = tuple((name, value) for name, value in head.headers if name != "content-type")
    status = STATUS_OF_TYPE.get(read_error(error).type, 500)
    return Saved(status, (("content-type", "application/json"), *identity_headers), error)
