"""Stands in for systemd where there is none: start, stop, restart, enable --now and disable --now of unit files.

Of a unit it reads WorkingDirectory, EnvironmentFile, Environment, ExecStart and TimeoutStopSec. It starts what they say
with an environment that holds nothing else, stops it with SIGTERM, and notes with which code it ended. It knows nothing
of users, sandboxes and restarts; `systemd-analyze verify` reads those lines where it is installed.
"""

import os
import shlex
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.patience import within

STARTS: Final = frozenset({"start", "restart"})
STOPS: Final = frozenset({"stop", "restart"})
DEFAULT_STOP_SECONDS: Final = 90.0
# Starts what it is given, notes its process, waits for it and notes its exit code.
_NANNY: Final = '"$@" & echo $! > "$NANNY_FOR.pid"; wait $!; echo $? > "$NANNY_FOR.exit"'

_NANNIES: Final[list[subprocess.Popen[bytes]]] = []
"""Who looks after a process outlives whoever started it."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit, of a template or not. `state`: files that tell how it is."""

    name: str
    folder: Path
    state: Path

    @property
    def settings(self) -> list[tuple[str, str]]:
        """Names and values in order, `%i` filled in."""
        stem, _, instance = self.name.partition("@")
        text = (self.folder / f"{stem}{'@' if instance else ''}.service").read_text().replace("%i", instance)
        pairs = (line.partition("=") for line in text.splitlines() if "=" in line and not line.startswith("#"))
        return [(name.strip(), value.strip()) for name, _, value in pairs]

    def first(self, name: str, default: str = "") -> str:
        return next((value for known, value in self.settings if known == name), default)

    def file(self, kind: str) -> Path:
        return self.state / f"{self.name}.{kind}"

    @property
    def environment(self) -> dict[str, str]:
        lines = [value for name, value in self.settings if name == "Environment"]
        if file := self.first("EnvironmentFile"):
            lines = [*(line for line in Path(file).read_text().splitlines() if "=" in line), *lines]
        named = dict(line.split("=", 1) for line in lines)
        return {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", **named}

    def start(self) -> None:
        """Does nothing to one that runs."""
        if self.file("pid").exists() and not self.file("exit").exists():
            return
        for kind in ("pid", "exit"):
            self.file(kind).unlink(missing_ok=True)
        command = shlex.split(self.first("ExecStart"))
        environment = self.environment | {"NANNY_FOR": str(self.state / self.name)}
        with self.file("log").open("a") as log:
            nanny = subprocess.Popen(
                ["/bin/sh", "-c", _NANNY, "nanny", *command],
                cwd=self.first("WorkingDirectory") or None,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        _NANNIES.append(nanny)
        _wait_for(self.file("pid"), seconds=10.0)

    def stop(self) -> None:
        """SIGTERM, and SIGKILL to whoever is still there after TimeoutStopSec."""
        if not self.file("pid").exists() or self.file("exit").exists():
            return
        pid = int(self.file("pid").read_text())
        os.kill(pid, signal.SIGTERM)
        if not _wait_for(self.file("exit"), seconds=float(self.first("TimeoutStopSec") or DEFAULT_STOP_SECONDS)):
            os.kill(pid, signal.SIGKILL)
            _wait_for(self.file("exit"), seconds=10.0)


def _wait_for(file: Path, *, seconds: float) -> bool:
    return within(seconds, lambda: file.exists() and bool(file.read_text().strip()), every=0.02)


def main(arguments: Sequence[str]) -> int:
    verb, *names = [word for word in arguments if not word.startswith("-")]
    now = "--now" in arguments
    folder, state = Path(os.environ["UNIT_FILES"]), Path(os.environ["UNIT_STATE"])
    for unit in (Unit(name.removesuffix(".service"), folder, state) for name in names):
        if verb in STOPS or (verb == "disable" and now):
            unit.stop()
        if verb in STARTS or (verb == "enable" and now):
            unit.start()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
