"""From the first step to the last process stopped."""

import asyncio
import signal
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from django.conf import settings

from nubabel import valkey
from nubabel.errors import NubabelError, ServeError
from nubabel.serve import pool_step, services
from nubabel.serve.places import browser_host
from nubabel.serve.supervisor import Say, Supervisor

READY_SECONDS: Final = 60.0
_LOOK_EVERY: Final = 0.2
_SAME_SIGNAL: Final = 0.5
"""Seconds within which a signal is no second one."""


def url() -> str:
    return f"http://{browser_host(settings.HOST)}:{settings.PORT}"


async def run(*, workers: int, when_ready: Callable[[], None], say: Say) -> None:
    """Serve until SIGINT, SIGTERM or SIGHUP. Raises ServeError if it never gets ready; all is stopped either way."""
    stop = _stop_on_signals()
    supervisor = Supervisor(say=say)
    guard = asyncio.create_task(_keep_store(say=say))
    try:
        _start_all(supervisor, workers=workers)
        if await _ready_or_stopped(stop):
            await asyncio.to_thread(when_ready)
            await stop.wait()
    finally:
        say(f"stopping (running requests get up to {settings.DRAIN_SECONDS} s; Ctrl-C again cuts them off)")
        _hurry_on_signals(supervisor)
        await supervisor.stop()
        guard.cancel()
        with suppress(asyncio.CancelledError):
            await guard


def _start_all(supervisor: Supervisor, *, workers: int) -> None:
    """Stopped in the reverse order: the web first, so that the worker still writes down what it did last."""
    if settings.DEMO:
        supervisor.start(services.simulator(pool_step.simulated_accounts()))
    for number in range(1, workers + 1):
        supervisor.start(services.worker(number))
    supervisor.start(services.web())


async def _ready_or_stopped(stop: asyncio.Event) -> bool:
    until = time.monotonic() + READY_SECONDS
    while not stop.is_set():
        if await asyncio.to_thread(_is_ready):
            return True
        if time.monotonic() > until:
            raise ServeError(f"The pool did not get ready within {READY_SECONDS:.0f} s; the lines above say why.")
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), _LOOK_EVERY)
    return False


def _is_ready() -> bool:
    try:
        with urllib.request.urlopen(f"{url()}/health/ready", timeout=2) as answer:  # noqa: S310 - our own http address
            return bool(answer.status == 200)  # noqa: PLR2004
    except (urllib.error.URLError, OSError):
        return False


async def _keep_store(*, say: Say) -> None:
    """Bring the embedded Valkey back when it dies."""
    while settings.EMBEDDED_VALKEY:
        try:
            running = await asyncio.to_thread(valkey.ensure, settings.DATA_DIR)
            if running.started:
                say(f"Valkey was gone; started again from its log (process {running.pid})")
            await _gone(running.pid)
        except NubabelError as error:
            say(f"Valkey: {error}")
            await asyncio.sleep(5)


async def _gone(pid: int) -> None:
    while valkey.is_alive(pid):  # noqa: ASYNC110 - a daemon, no child of ours: nothing but the clock to wait on
        await asyncio.sleep(_LOOK_EVERY)


def _stop_on_signals() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    return stop


def _hurry_on_signals(supervisor: Supervisor) -> None:
    """A second Ctrl-C means impatience; one that comes at once is the first one again, by way of the group."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.call_later(_SAME_SIGNAL, loop.add_signal_handler, number, supervisor.hurry)
