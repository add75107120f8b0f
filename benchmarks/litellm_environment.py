"""An environment of LiteLLM's own under .data, made when it is first needed."""

import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HOME: Final = Path(__file__).resolve().parent.parent / ".data" / "bench"
VERSIONS: Final = ("1.109.1", "1.106.2")
"""The first that can be installed is measured."""
BESIDE: Final = ("redis", "hiredis", "uvloop")
INSTALL_DEADLINE_SECONDS: Final = 420.0
PROBE: Final = "from importlib.metadata import version; print(version('litellm'))"


class NotMeasured(Exception):
    """The peer could not be measured; the message says why."""


@dataclass(frozen=True, slots=True)
class Environment:
    python: Path
    version: str


def environment(*, extra: str = "") -> Environment:
    """Ready to use, installed now if need be; `extra`: with what the proxy needs beside the router.

    Raises NotMeasured if no version can be had (no network, no wheel).
    """
    home = HOME / (f"litellm-{extra}" if extra else "litellm")
    python = home / "bin" / "python"
    if found := _installed(python):
        return Environment(python, found)
    trouble = _run([sys.executable, "-m", "venv", "--clear", str(home)])
    for command in () if trouble else _ways(python, extra=extra):
        trouble = _run(command)
        if found := _installed(python):
            return Environment(python, found)
    raise NotMeasured(f"LiteLLM {' or '.join(VERSIONS)} could not be installed: {trouble}")


def _installed(python: Path) -> str:
    if not python.exists():
        return ""
    done = subprocess.run([python, "-c", PROBE], capture_output=True, text=True, timeout=60, check=False)
    return done.stdout.strip()


def _ways(python: Path, *, extra: str) -> Iterator[Sequence[str]]:
    """Preferably by uv: it can pass over a wish for versions that are not to be had.

    Newer CA certificates, or newer scripts for a database, are not used here.
    """
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    override = python.parents[1] / "override.txt"
    package = f"litellm[{extra}]" if extra else "litellm"
    for number in VERSIONS:
        wanted = (f"{package}=={number}", *BESIDE)
        if uv:
            override.write_text("certifi\nlitellm-proxy-extras\n")
            yield (uv, "pip", "install", "--quiet", "--python", str(python), "--override", str(override), *wanted)
        yield (str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted)


def _run(command: Sequence[str]) -> str:
    """Why it failed, in one line; nothing if it did not."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_DEADLINE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"{Path(command[0]).name}: {error}"
    lines = done.stderr.strip().splitlines()
    return "" if done.returncode == 0 else (lines[-1] if lines else f"{command[0]} exited with {done.returncode}")
