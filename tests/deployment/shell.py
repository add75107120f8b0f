"""One bash for the whole way, so that `cd` and `export` last as they do in a terminal."""

import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from uuid import uuid4

LONGEST: Final = 1_200.0


class Shell:
    """`log` gets whatever is said, as it is said."""

    def __init__(self, *, env: Mapping[str, str], cwd: Path) -> None:
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"],
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reading = threading.Thread(target=self._read, daemon=True)
        self._reading.start()

    def run(self, command: str, *, within: float = LONGEST) -> tuple[int, str]:
        """Exit code and output. Raises TimeoutError."""
        end = f"ended-{uuid4().hex}"
        assert self._bash.stdin is not None
        self._bash.stdin.write(f"{{ {command}\n}} </dev/null; ended=$?; echo; echo {end} $ended\n")
        self._bash.stdin.flush()
        said: list[str] = []
        until = time.monotonic() + within
        while True:
            try:
                line = self._lines.get(timeout=max(0.0, until - time.monotonic()))
            except queue.Empty:
                raise TimeoutError(f"not ended after {within:.0f} s: {command}\n{''.join(said)}") from None
            if line.startswith(end):
                return int(line.split()[1]), "".join(said)
            said.append(line)

    def _read(self) -> None:
        assert self._bash.stdout is not None
        for line in self._bash.stdout:
            self._lines.put(line)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.killpg(self._bash.pid, signal.SIGKILL)
        self._bash.wait()
        self._reading.join(10)
        for pipe in (self._bash.stdin, self._bash.stdout):
            if pipe is not None:
                pipe.close()
