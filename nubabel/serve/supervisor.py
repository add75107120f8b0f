"""Keeps processes alive until told to stop, then stops them one after the other, each within its time.

# Note [Nobody is left behind]
Every process gets a session of its own, so that Ctrl-C reaches only the supervisor, which stops the others in good
order. Should the supervisor itself be killed, the kernel sends them SIGTERM (Linux; elsewhere they stay, and the next
`serve` says that the port is taken).
"""

import asyncio
import ctypes
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from nubabel.serve.backoff import Record

Say = Callable[[str], None]

_PR_SET_PDEATHSIG: Final = 1
_KILL_SECONDS: Final = 5.0


@dataclass(frozen=True, slots=True)
class Service:
    """One process to keep running. `grace`: seconds it gets between SIGTERM and SIGKILL. `pass_fds`: inherited ones."""

    name: str
    argv: tuple[str, ...]
    env: Mapping[str, str]
    cwd: Path | None = None
    grace: float = 10.0
    pass_fds: tuple[int, ...] = ()

    def __repr__(self) -> str:
        return f"Service({self.name!r})"  # its environment holds secrets


class Supervised:
    """One service and the task that keeps it alive."""

    def __init__(self, service: Service, *, say: Say) -> None:
        self.service = service
        self._say = say
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = asyncio.Event()
        self._hurry = asyncio.Event()
        self._task = asyncio.create_task(self._keep_alive(), name=f"supervise {service.name}")

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process and self._process.returncode is None else None

    def hurry(self) -> None:
        """Do not wait for a graceful end any longer."""
        self._hurry.set()

    def tell(self, number: signal.Signals) -> None:
        """Pass a signal on, if there is a process."""
        if self._process and self._process.returncode is None:
            _signal(self._process, number)

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL after the grace."""
        self._stopping.set()
        if self._process and self._process.returncode is None:
            await self._end(self._process)
        await self._task

    async def _keep_alive(self) -> None:
        record = Record()
        while not self._stopping.is_set():
            began = time.monotonic()
            ended = await self._run_once()
            if self._stopping.is_set():
                return
            record = record.after_crash(lived=time.monotonic() - began)
            self._say(f"{self.service.name} {ended}; next start in {record.pause:.1f} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), record.pause)

    async def _run_once(self) -> str:
        """Start it, wait for its end, and say how it came."""
        try:
            self._process = await asyncio.create_subprocess_exec(
                *self.service.argv,
                env=dict(self.service.env),
                cwd=self.service.cwd,
                stdin=asyncio.subprocess.DEVNULL,
                pass_fds=self.service.pass_fds,
                start_new_session=True,
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )
        except OSError as error:
            return f"could not be started ({error.strerror})"
        return f"ended unexpectedly ({_ending(await self._process.wait())})"

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        _signal(process, signal.SIGTERM)
        ended = asyncio.create_task(process.wait())
        hurried = asyncio.create_task(self._hurry.wait())
        await asyncio.wait({ended, hurried}, timeout=self.service.grace, return_when=asyncio.FIRST_COMPLETED)
        if process.returncode is None:
            self._say(f"{self.service.name} {'cut off' if hurried.done() else 'did not stop by itself; killing it'}")
            _signal(process, signal.SIGKILL)
        hurried.cancel()
        await asyncio.wait_for(ended, _KILL_SECONDS)


class Supervisor:
    """Starts services in order and stops them in the reverse one."""

    def __init__(self, *, say: Say) -> None:
        self._say = say
        self._running: list[Supervised] = []

    @property
    def running(self) -> Sequence[Supervised]:
        return tuple(self._running)

    def start(self, service: Service) -> Supervised:
        supervised = Supervised(service, say=self._say)
        self._running.append(supervised)
        return supervised

    def hurry(self) -> None:
        for supervised in self._running:
            supervised.hurry()

    async def stop(self) -> None:
        while self._running:
            await self._running.pop().stop()

    async def stop_together(self) -> None:
        """For services that are all alike."""
        await asyncio.gather(*(supervised.stop() for supervised in self._running))


def _ending(code: int) -> str:
    if code < 0:
        with suppress(ValueError):
            return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        process.send_signal(number)


def _die_with_parent() -> None:
    """Runs in the new process before its program. See Note [Nobody is left behind]."""
    parent = os.getppid()
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died in between
        os._exit(1)
