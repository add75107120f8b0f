"""Several web processes behind one listening socket.

# Note [The parent holds a copy]
Connections queue at a socket for as long as any process has it open. A parent that kept its copy until its children are
gone would let callers queue who are never answered; so it closes it when it is told to stop, and the children theirs
after they have said for a while that they stop.
"""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Sequence
from functools import partial
from typing import Final

from nubabel.serve.supervisor import Say, Service, Supervisor
from nubabel.web.server import Patience, hear_signals, ignore_signals

BACKLOG: Final = 2048
_SPARE: Final = 5.0


def listening(host: str, port: int) -> socket.socket:
    """Raises OSError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return socket.create_server((host.strip("[]"), port), family=family, backlog=BACKLOG)


def process(number: int, argv: Sequence[str], listener: socket.socket, *, patience: Patience) -> Service:
    handed = (*argv, "--workers", "1", "--listener", str(listener.fileno()))
    grace = patience.longest + _SPARE
    return Service(f"web {number}", handed, {**os.environ}, grace=grace, pass_fds=(listener.fileno(),))


async def run(argv: Sequence[str], listener: socket.socket, *, size: int, patience: Patience, say: Say) -> None:
    """Keep `size` processes serving until told to stop; every signal after the first is passed on to them."""
    stop = asyncio.Event()
    supervisor = Supervisor(say=say)
    for number in range(1, size + 1):
        supervisor.start(process(number, argv, listener, patience=patience))
    hear_signals(partial(_told, stop, supervisor))
    await stop.wait()
    listener.close()  # Note [The parent holds a copy]
    await supervisor.stop_together()
    ignore_signals()


def _told(stop: asyncio.Event, supervisor: Supervisor) -> None:
    if stop.is_set():
        for supervised in supervisor.running:
            supervised.tell(signal.SIGTERM)
    stop.set()


def this_command(*options: str) -> tuple[str, ...]:
    """How to start the command that runs now once more."""
    return (sys.executable, sys.argv[0], "web", *options)
