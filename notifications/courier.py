"""The courier of one destination: takes what waits, delivers it, notes what became of it. Any number may work at once.

What passes is tried again, later each time and not before the destination says; what it will never take is dropped
with its reason; a destination that refuses everything is switched off, with its reason, until somebody mends it.
"""

import logging
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, TypeVar
from uuid import uuid4

from notifications import outbox
from notifications.deliveries import COUNTED
from notifications.errors import DeliveryError, DestinationRefused, MessageInvalid
from notifications.outbox import Batch
from notifications.planning import Plan, planned
from notifications.sinks import Sink

FIRST_PAUSE_S: Final = 2.0
LONGEST_PAUSE_S: Final = 300.0

logger = logging.getLogger(__name__)

T = TypeVar("T")
Do = Callable[[Callable[[], Any]], Awaitable[Any]]
"""Runs ORM work where a database connection is."""
Now = Callable[[], datetime]


class Courier:
    def __init__(self, *, sink: Sink, do: Do, now: Now, name: str = "", held_for: timedelta = outbox.HELD_FOR) -> None:
        self._sink = sink
        self._do = do
        self._now = now
        self._id = name or uuid4().hex
        self._held_for = held_for

    async def round(self) -> None:
        """Deliver what may go now. Raises Django's database errors."""
        while await self._one():
            pass

    async def _one(self) -> bool:
        """One message; False if there is nothing that may go."""
        name, now = self._sink.name, self._now()
        batch = await self._do(partial(outbox.take, name, holder=self._id, now=now, held_for=self._held_for))
        if batch is None:
            return False
        now_ms = int(now.timestamp() * 1_000)
        plan = planned(batch.waiting, batch.threads, now_ms=now_ms, together=self._sink.together)
        if plan.skip:
            why = "something later of the same thread was worth more"
            await self._do(partial(outbox.skipped, _ids(plan.skip), why=why, now=now))
            COUNTED["dropped"] += len(plan.skip)
        if not plan.send:
            await self._do(partial(outbox.release, name))
            return bool(plan.skip)
        return await self._deliver(plan, batch)

    async def _deliver(self, plan: Plan, batch: Batch) -> bool:
        alone = len(plan.send) == 1 and not batch.unlisted
        thread = batch.threads.get(plan.send[0].thread) if alone else None
        try:
            handle = await self._sink.deliver(plan.send, unlisted=batch.unlisted, thread=thread.root if thread else "")
        except DeliveryError as error:
            return await self._trouble(error, plan)
        except Exception as error:  # noqa: BLE001 - a fault of ours must cost one message, not the destination
            return await self._fail(plan, f"unexpected {type(error).__name__}")
        now = self._now()
        due_at = now + timedelta(seconds=self._sink.interval_s)
        ids = _ids(plan.send)
        kept = handle if alone else ""
        done = partial(outbox.sent, self._sink.name, ids, handle=kept, unlisted=batch.unlisted, now=now, due_at=due_at)
        await self._do(done)
        COUNTED["delivered"] += len(ids)
        return True

    async def _trouble(self, error: DeliveryError, plan: Plan) -> bool:
        name, now = self._sink.name, self._now()
        if isinstance(error, MessageInvalid):
            return await self._fail(plan, str(error))
        if isinstance(error, DestinationRefused):
            COUNTED["refused"] += 1
            if await self._do(partial(outbox.switch_off, name, why=str(error), now=now)):
                logger.error("%s: nothing more is sent there: %s", name, error, extra={"action": "sink_off"})
            return False
        pause = error.retry_after or await self._backoff()
        until = now + timedelta(seconds=pause)
        await self._do(partial(outbox.postpone, name, why=str(error), until=until))
        return False

    async def _backoff(self) -> float:
        before: int = await self._do(partial(outbox.failures, self._sink.name))
        return min(FIRST_PAUSE_S * float(2 ** min(before, 16)), LONGEST_PAUSE_S)

    async def _fail(self, plan: Plan, why: str) -> bool:
        logger.warning("%s: a message was lost: %s", self._sink.name, why, extra={"action": "letter_lost"})
        await self._do(partial(outbox.failed, self._sink.name, _ids(plan.send), why=why, now=self._now()))
        COUNTED["lost"] += len(plan.send)
        return True


def _ids(letters: tuple[Any, ...]) -> list[int]:
    return [letter.id for letter in letters]
