"""Server processes: started, awaited, weighed through /proc, and ended."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

START_SECONDS: Final = 240.0
"""LiteLLM imports for a quarter of a minute on a machine that has nothing else to do."""
STOP_SECONDS: Final = 10.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class NotStarted(Exception):
    """A server did not come up; the message says what it wrote."""


def free_port() -> int:
    """A port nobody listens on at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@contextmanager
def running(argv: Sequence[str], *, port: int, env: Mapping[str, str], cwd: Path, log: Path) -> Iterator[int]:
    """A server for as long as the block runs; gives its process id once it listens. Raises NotStarted."""
    with started(argv, env=env, cwd=cwd, log=log) as process:
        _wait_until_up(process, port=port, log=log)
        yield process.pid


@contextmanager
def started(
    argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path
) -> Iterator["subprocess.Popen[bytes]"]:
    """A process for as long as the block runs."""
    with log.open("wb") as said:
        process = subprocess.Popen(argv, env=dict(env), cwd=cwd, stdout=said, stderr=said, stdin=subprocess.DEVNULL)
    try:
        yield process
    finally:
        _end(process)


def _wait_until_up(process: "subprocess.Popen[bytes]", *, port: int, log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while not _listens(port):
        if process.poll() is not None or time.monotonic() > until:
            ended = "did not listen in time" if process.poll() is None else f"ended with {process.returncode}"
            raise NotStarted(f"{log.stem} {ended}: {_tail(log)}")
        time.sleep(0.05)


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _end(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(timeout=STOP_SECONDS)


def _tail(log: Path) -> str:
    return " / ".join(log.read_text(errors="replace").strip().splitlines()[-4:])


def cpu_seconds(pid: int) -> float:
    """What a process has used so far, all its threads, in its own code and in the kernel."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_bytes(pid: int) -> int:
    """The memory a process holds."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
