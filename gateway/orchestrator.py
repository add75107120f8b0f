"""The orchestrator: one message in, Claude's answer out, with what it took to get it.

It is a user of the pooled client like any other; what it adds is the shape of its answers.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from msgspec import structs

from accounts.errors import AccountsError
from accounts.principals import Principal
from gateway.driver import Run
from gateway.errors import CallFailed, UnknownPool
from gateway.orders import Order
from gateway.plain import code, plain
from gateway.replies import STATUS_OF_TYPE
from gateway.sdk import client
from quota.engine.types import Event
from quota.records import ACTIVITY_PROGRESS, ACTIVITY_STARTED, ActivityProgress, ActivityStarted

if TYPE_CHECKING:
    from anthropic import APIError, AsyncAnthropic
    from anthropic.types import Message

    from gateway.ports import Listener, Ports, Source

SOURCE: Final = "orchestrator"
HEARTBEAT_SECONDS: Final = 15.0
BACKLOG: Final = 64
"""Pieces of an answer that wait for a slow reader before Claude's stream is held up."""
NANO: Final = Decimal(1_000_000_000)
_OURS: Final = {429, 503, 529}
_CALLERS: Final = {400, 404, 413, 422}
UNAVAILABLE: Final = 503
STREAMING: Final = 200

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an order."""

    output: str = field(repr=False)
    model: str
    account: str
    usage: dict[str, int]
    cost_nano: int
    price_known: bool
    attempts: int
    activity: str
    stop_reason: str
    simulated: bool = False
    """The answer was made up by the demo's simulated account."""

    def as_json(self) -> dict[str, Any]:
        """Give it as the API shows it. Money is a decimal text in dollars, beside exact nano-dollars."""
        return {
            "output": self.output,
            "model": self.model,
            "account": self.account,
            "usage": self.usage,
            "cost": {
                "usd": f"{Decimal(self.cost_nano) / NANO:f}",
                "nano_usd": self.cost_nano,
                "known": self.price_known,
            },
            "attempts": self.attempts,
            "activity": self.activity,
            "stop_reason": self.stop_reason,
            **({"simulated": True} if self.simulated else {}),
        }


@dataclass(frozen=True, slots=True)
class Told:
    """One event of a streamed order: started, progress, delta, completed, failed, heartbeat."""

    name: str
    data: dict[str, Any] = field(default_factory=dict)


class Orchestrator:
    """Executes orders for one principal."""

    def __init__(
        self,
        *,
        principal: Principal,
        pool: str,
        default_model: str,
        via: "Source",
    ) -> None:
        self._principal = principal
        self._pool = pool
        self._default_model = default_model
        self._via = via

    async def execute(self, order: Order) -> Result:
        """Execute it and wait for the whole answer. Raises `CallFailed`, `UnknownPool`."""
        runs: list[Run] = []
        async with await self._client(order, runs) as claude:
            try:
                message = await claude.messages.create(**self._arguments(order))
            except _sdk().APIError as error:
                raise _failure(error, runs) from None
        return await self._result(message, runs[-1])

    async def stream(self, order: Order, *, heartbeat: float = HEARTBEAT_SECONDS) -> AsyncGenerator[Told]:
        """Execute it and tell of it as it goes. Ends with `completed` or `failed`; closing it early ends the call."""
        queue: asyncio.Queue[Told | None] = asyncio.Queue(maxsize=BACKLOG)
        producer = asyncio.create_task(self._produce(order, queue), name="orchestrator stream")
        try:
            while True:
                try:
                    async with asyncio.timeout(heartbeat):
                        told = await queue.get()
                except TimeoutError:
                    yield Told("heartbeat")
                    continue
                if told is None:
                    return
                yield told
        finally:
            producer.cancel()
            await asyncio.wait([producer])

    async def _produce(self, order: Order, queue: "asyncio.Queue[Told | None]") -> None:
        runs: list[Run] = []
        try:
            async with await self._client(order, runs, listener=_teller(queue)) as claude:
                await self._stream_into(queue, claude, order, runs)
        except CallFailed as failure:
            await queue.put(Told("failed", {"error": failure.as_json()}))
        except UnknownPool:
            error = {"code": UnknownPool.code, "message": UnknownPool.told, "details": {}}
            await queue.put(Told("failed", {"error": error}))
        except Exception:
            logger.exception("an order failed for a reason of our own", extra={"action": "orchestrate"})
            error = {"code": "internal", "message": "Something went wrong here.", "details": {}}
            await queue.put(Told("failed", {"error": error}))
        await queue.put(None)

    async def _stream_into(
        self, queue: "asyncio.Queue[Told | None]", claude: "AsyncAnthropic", order: Order, runs: list[Run]
    ) -> None:
        try:
            async with claude.messages.stream(**self._arguments(order)) as stream:
                async for text in stream.text_stream:
                    await queue.put(Told("delta", {"text": text}))
                message = await stream.get_final_message()
        except _sdk().APIError as error:
            raise _failure(error, runs) from None
        result = await self._result(message, runs[-1])
        await queue.put(Told("completed", result.as_json()))

    async def _client(self, order: Order, runs: list[Run], *, listener: "Listener | None" = None) -> "AsyncAnthropic":
        # The first import takes more than a second, which the event loop must not spend.
        await asyncio.to_thread(_sdk)
        who = self._principal
        return client(
            pool=self._pool,
            session=order.session_id,
            category=order.category,
            principal=f"{who.kind}:{who.id}",
            caller=who.name,
            source=SOURCE,
            on_behalf_of=who.client,
            listener=listener,
            on_run=runs.append,
            via=self._via,
        )

    def _arguments(self, order: Order) -> dict[str, Any]:
        system = {"system": order.system} if order.system else {}
        return {
            "model": order.model or self._default_model,
            "max_tokens": order.max_tokens,
            "messages": [{"role": "user", "content": order.message}],
            **system,
        }

    async def _result(self, message: "Message", run: Run) -> Result:
        ended = run.ended
        if ended is None:
            raise TypeError("an answer whose request has not ended")
        ports, _ = await self._via()
        name, simulated = await _name(ports, ended.account)
        return Result(
            output="".join(block.text for block in message.content if block.type == "text"),
            model=message.model,
            account=name,
            usage={**structs.asdict(ended.usage), "total_tokens": ended.usage.total},
            cost_nano=ended.cost_nano,
            price_known=ended.price_known,
            attempts=len(ended.attempts),
            activity=ended.activity,
            stop_reason=message.stop_reason or "",
            simulated=simulated,
        )


def _sdk() -> Any:  # noqa: ANN401 - the SDK itself, imported late
    import anthropic

    return anthropic


async def _name(ports: "Ports", account: str) -> tuple[str, bool]:
    """Give an account's name (its id, if that cannot be found out now) and whether it is simulated."""
    try:
        credential = await ports.credentials.get(account)
    except AccountsError:
        return account, False
    return credential.name, credential.simulated


def _teller(queue: "asyncio.Queue[Told | None]") -> "Listener":
    """Put what is told of a request before its answer into the queue; the end is told by who knows the answer."""

    def tell(event: Event) -> None:
        told = _told(event)
        if told is not None and not queue.full():
            queue.put_nowait(told)

    return tell


def _told(event: Event) -> Told | None:
    if event.type == ACTIVITY_STARTED:
        started = ActivityStarted.from_json(event.payload)
        return Told("started", {"activity": started.activity, "model": started.model})
    if event.type == ACTIVITY_PROGRESS:
        attempt = ActivityProgress.from_json(event.payload)
        return Told("progress", {"attempt": attempt.number, "outcome": attempt.outcome, "why": attempt.why})
    return None


def _failure(error: "APIError", runs: list[Run]) -> CallFailed | UnknownPool:
    """Say to the orchestrator's caller what the SDK was told. The upstream's words are made plain."""
    if isinstance(error.__cause__, UnknownPool):
        return error.__cause__
    activity = runs[-1].call.activity if runs else ""
    response = getattr(error, "response", None)
    status = response.status_code if response is not None else UNAVAILABLE
    if status not in _OURS | _CALLERS:
        status = _status_in_stream(error) if status == STREAMING else UNAVAILABLE
    headers = response.headers if response is not None else {}
    return CallFailed(
        status=status,
        code=code(getattr(error, "type", None) or "") or "api_error",
        message=_words(error, runs),
        activity=activity,
        retry_after=_seconds(headers.get("retry-after")),
        should_retry=False if headers.get("x-should-retry") == "false" else None,
    )


def _words(error: "APIError", runs: list[Run]) -> str:
    run = runs[-1] if runs else None
    theirs = str(getattr(error, "api_message", None) or error.message)
    return (run and run.own_words) or plain(theirs, model=run.call.model if run else "")


def _status_in_stream(error: "APIError") -> int:
    """An error event inside a stream has no status of its own but its type."""
    status = STATUS_OF_TYPE.get(getattr(error, "type", None) or "", UNAVAILABLE)
    return status if status in _OURS | _CALLERS else UNAVAILABLE


def _seconds(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None
