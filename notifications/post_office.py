"""All of telling people, put together for a worker: the relay that fills the outbox and the couriers that empty it."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

from notifications import outbox
from notifications.courier import Courier, Do, Now
from notifications.letters import Draft
from notifications.relay import Relay
from notifications.sinks import Sink

ROUND_EVERY_S: Final = 0.5
TIDY_EVERY_S: Final = 300.0

Errand = tuple[Callable[[], Awaitable[object]], float]
"""What to do again and again, and how many seconds apart."""


class PostOffice:
    """`do` runs ORM work, `now` gives the time. `name` is what the couriers are called while they hold a destination,
    and no other office's; who dies holding one keeps it for `held_for`.
    """

    def __init__(
        self,
        *,
        sinks: Sequence[Sink],
        do: Do,
        now: Now,
        user: str = "",
        name: str = "",
        held_for: timedelta = outbox.HELD_FOR,
    ) -> None:
        self._do = do
        self._now = now
        self._sinks = sinks
        self._couriers = [Courier(sink=sink, do=do, now=now, name=name, held_for=held_for) for sink in sinks]
        self._known = False
        self.relay = Relay(outbox=self, writers=sinks, user=user)

    async def put(self, letters: Sequence[Draft]) -> None:
        """Keep letters until they are delivered. Raises Django's database errors."""
        await self._do(partial(outbox.put, letters, now=self._now()))

    def errands(self) -> Iterator[Errand]:
        """What must be done for letters to leave. Each raises Django's database errors and may be repeated."""
        for courier in self._couriers:
            yield partial(self._round, courier), ROUND_EVERY_S
        yield self._tidy, TIDY_EVERY_S

    async def deliver(self) -> None:
        """Everything that may go now, once. Raises Django's database errors."""
        for courier in self._couriers:
            await self._round(courier)

    async def _round(self, courier: Courier) -> None:
        await self._register()
        await courier.round()

    async def _register(self) -> None:
        if not self._known:
            fingerprints: Mapping[str, str] = {sink.name: sink.fingerprint for sink in self._sinks}
            await self._do(partial(outbox.register, fingerprints))
            self._known = True

    async def _tidy(self) -> None:
        await self._do(partial(outbox.tidy, now=self._now()))
