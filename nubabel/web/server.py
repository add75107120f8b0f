"""uvicorn, told to stop in stages (see departure) instead of closing its sockets with the first signal."""

import asyncio
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import uvicorn

from nubabel.web.answering import Protocol
from nubabel.web.departure import PROCESS, Departure, Stage
from nubabel.web.heads import Heads

APPLICATION: Final = "nubabel.asgi:application"
SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)
TICKS_PER_SECOND: Final = 10
"""uvicorn's own."""
SETTLE_SECONDS: Final = 5.0
"""So long the calls that were hung up on may take to settle."""
CLOSE_SECONDS: Final = 12.0
"""So long closing may take; see nubabel.lifespan and gateway.wiring."""


@dataclass(frozen=True, slots=True)
class Patience:
    """Seconds: `unready`, to go on serving after the first signal; `drain`, for what runs after that."""

    unready: float
    drain: float

    @property
    def longest(self) -> float:
        """After so long the process is gone, whatever hangs."""
        return self.unready + self.drain + SETTLE_SECONDS + CLOSE_SECONDS


class Server(uvicorn.Server):
    """One web process. Its readiness goes by `departure`; it exits with 0 when it was told to stop."""

    def __init__(
        self,
        config: uvicorn.Config,
        *,
        patience: Patience,
        departure: Departure = PROCESS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(config)
        self._patience = patience
        self._departure = departure
        self._clock = clock
        self._heads = Heads()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Hear signals for ourselves. Unlike uvicorn, die of none: who was told to stop and did has not failed."""
        hear_signals(self.told)
        yield
        ignore_signals()

    def told(self) -> None:
        """Hear a signal."""
        if self._departure.signalled(now=self._clock(), unready=self._patience.unready) is Stage.CUT:
            self.hang_up()

    async def on_tick(self, counter: int) -> bool:
        """Go on serving until closed; uvicorn asks ten times a second."""
        self.should_exit = self._departure.passed(now=self._clock()) >= Stage.CLOSED
        if counter % TICKS_PER_SECOND == 0:
            self._heads.look(self.server_state.connections, now=self._clock())
        return await super().on_tick(counter)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Take nothing new and let finish what runs, up to the drain seconds."""
        _end_in_any_case(self._patience.longest)
        hang_up = asyncio.get_running_loop().call_later(self._patience.drain, self.hang_up)
        await super().shutdown(sockets)
        hang_up.cancel()

    def hang_up(self) -> None:
        """Be gone for every caller. The application takes it as their leaving, and so settles what they began."""
        for connection in tuple(self.server_state.connections):
            if connection.transport is not None:
                connection.transport.abort()


def hear_signals(told: Callable[[], None]) -> None:
    """Call that in the running loop whenever this process is told to stop."""
    for number in SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, told)


def ignore_signals() -> None:
    """For the last moments, in which an impatient signal would turn a good end into a bad one."""
    for number in SIGNALS:
        asyncio.get_running_loop().remove_signal_handler(number)
        signal.signal(number, signal.SIG_IGN)


def serve(*, host: str, port: int, patience: Patience, listener: socket.socket | None = None) -> None:
    """Serve until told to stop, at an address or on a socket that listens already. Exits with 3 if it cannot begin."""
    config = uvicorn.Config(
        APPLICATION,
        host=host,
        port=port,
        http=Protocol,
        workers=1,
        log_config=None,  # Django's own, which blanks secrets
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=int(patience.drain + SETTLE_SECONDS),
    )
    Server(config, patience=patience).run(sockets=[listener] if listener else None)


def _end_in_any_case(seconds: float) -> None:
    """A thread that hangs, in a database perhaps, must not keep the process: Python would wait for it for ever."""
    timer = threading.Timer(seconds, os._exit, (1,))
    timer.daemon = True
    timer.start()
