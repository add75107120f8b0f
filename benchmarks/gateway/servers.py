"""What is measured: each a server process of its own on the same double, with the same accounts."""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from benchmarks.gateway.processes import free_port, running

ROOT: Final = Path(__file__).resolve().parents[2]
DIRECT, OURS, PORTKEY, LITELLM, BARE = "direct", "us", "Portkey", "LiteLLM", "bare uvicorn"
_PASSED_ON: Final = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR")


@dataclass(frozen=True, slots=True)
class Server:
    """A process that answers `/v1/messages` on a port of this machine; `headers` are what a caller must present."""

    name: str
    port: int
    pid: int
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    exact: bool = False
    """Whether its answers must be the double's, byte for byte."""


def environment(**more: str) -> dict[str, str]:
    """Of this process's environment only what any program needs."""
    return {name: os.environ[name] for name in _PASSED_ON if name in os.environ} | more


@contextmanager
def double(folder: Path) -> Iterator[Server]:
    """Anthropic's double; asked directly it is also the first row."""
    port = free_port()
    argv = (sys.executable, "-m", "benchmarks.gateway.double", "--port", str(port))
    with running(argv, port=port, env=environment(), cwd=ROOT, log=folder / "double.log") as pid:
        yield Server(DIRECT, port, pid, exact=True)


@contextmanager
def bare(folder: Path) -> Iterator[Server]:
    """The smallest ASGI application under the same server: what this machine charges for HTTP in Python alone."""
    port = free_port()
    quiet = ("--no-access-log", "--no-server-header", "--log-level", "warning")
    argv = (sys.executable, "-m", "uvicorn", "benchmarks.gateway.bare:application", "--port", str(port), *quiet)
    with running(argv, port=port, env=environment(), cwd=ROOT, log=folder / "bare.log") as pid:
        yield Server(BARE, port, pid, exact=True)
