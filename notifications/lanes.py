"""Lanes: messages on their way to Slack, one lane per destination, never faster than the destination likes.

Handing a message over never waits: a full lane drops its oldest message (alerts last) and counts it. While a lane
paces itself or waits for Slack, what gathers behind it leaves as one digest: a storm becomes a few messages.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, Protocol

from notifications import deliveries
from notifications.errors import SlackError, SlackRefused
from notifications.slack_blocks import Channel, SlackMessage, digest
from notifications.slack_routes import Destination

INTERVAL_S: Final = 1.0
"""Seconds between two messages to one channel; Slack's own rate."""
CAPACITY: Final = 256
DRAIN_S: Final = 5.0

logger = logging.getLogger(__name__)

_DROPPED: Final = {"action": "slack_dropped"}
_LOST: Final = {"action": "slack_lost"}

Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[None]]


class Sender(Protocol):
    """Who delivers; `slack.SlackSender` in life."""

    def destination(self, channel: Channel, /) -> Destination | None: ...
    def addressed(self, message: SlackMessage, /) -> SlackMessage: ...
    async def send(self, message: SlackMessage, /) -> Destination: ...


class Lane:
    """One destination's queue. `clock` counts seconds, in step with `sleep`."""

    def __init__(self, *, sender: Sender, clock: Clock, sleep: Sleep, capacity: int = CAPACITY) -> None:
        self._sender = sender
        self._clock = clock
        self._sleep = sleep
        self._capacity = capacity
        self._waiting: deque[SlackMessage] = deque()
        self._arrived = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._next_at = clock()
        self._unreported = 0
        self.dropped = 0

    def offer(self, message: SlackMessage) -> None:
        """Queue `message`; never waits, drops the oldest when full, alerts last."""
        if len(self._waiting) >= self._capacity:
            self._drop_one()
        self._waiting.append(message)
        self._idle.clear()
        self._arrived.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            await self._arrived.wait()
            await self._sleep(max(0.0, self._next_at - self._clock()))
            await self._deliver(self._take())
            self._next_at = self._clock() + INTERVAL_S
            if not self._waiting:
                self._idle.set()

    async def drained(self) -> None:
        """Return once nothing waits and nothing is under way."""
        await self._idle.wait()

    def _take(self) -> SlackMessage:
        message = digest(tuple(self._waiting), dropped=self._unreported)
        self._waiting.clear()
        self._unreported = 0
        self._arrived.clear()
        return message

    async def _deliver(self, message: SlackMessage) -> None:
        try:
            await self._sender.send(message)
        except SlackRefused:
            pass  # said once, by the sender, when it switched the destination off
        except SlackError as error:
            logger.warning("slack: a message was lost: %s", error, extra=_LOST)
        except Exception as error:  # noqa: BLE001 (a fault of ours must cost one message, not the lane)
            logger.error("slack: a message was lost: unexpected %s", type(error).__name__, extra=_LOST)  # noqa: TRY400

    def _drop_one(self) -> None:
        calm = (at for at, it in enumerate(self._waiting) if it.channel is not Channel.ALERT)
        del self._waiting[next(calm, 0)]
        self.dropped += 1
        deliveries.COUNTED["dropped"] += 1
        self._unreported += 1
        if self._unreported == 1:
            logger.warning("slack: more messages than can be sent; the oldest are dropped", extra=_DROPPED)


class Courier:
    """Hands each message to its destination's lane; kinds that share a destination share its pace."""

    def __init__(self, *, sender: Sender, clock: Clock, sleep: Sleep = asyncio.sleep) -> None:
        self._sender = sender
        places = {kind: place for kind in Channel if (place := sender.destination(kind))}
        lanes = {place: Lane(sender=sender, clock=clock, sleep=sleep) for place in places.values()}
        self._lanes = {kind: lanes[place] for kind, place in places.items()}
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    @property
    def dropped(self) -> int:
        """How many messages were dropped since the start."""
        return sum(lane.dropped for lane in self._distinct())

    def start(self) -> None:
        """Begin to deliver, on the running loop."""
        self._tasks = tuple(asyncio.create_task(lane.run()) for lane in self._distinct())

    def offer(self, message: SlackMessage) -> None:
        """Queue `message` for its destination; never waits. Without a destination it is nobody's."""
        if lane := self._lanes.get(message.channel):
            lane.offer(self._sender.addressed(message))

    async def close(self, *, drain_s: float = DRAIN_S) -> None:
        """Stop, after at most `drain_s` seconds spent on what still waits."""
        try:
            async with asyncio.timeout(drain_s):
                await asyncio.gather(*(lane.drained() for lane in self._distinct()))
        except TimeoutError:
            logger.warning("slack: stopped with messages still waiting", extra={"action": "slack_undelivered"})
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _distinct(self) -> Iterable[Lane]:
        return dict.fromkeys(self._lanes.values())
