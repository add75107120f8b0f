"""Locust, in a process and an environment of its own (`make load` installs it), for one scenario."""

import json
import subprocess
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Final

from benchmarks.gateway.servers import ROOT, environment
from benchmarks.load.plan import Callers
from benchmarks.load.seen import Asked, lines

LOCUST: Final = ROOT / ".bench" / "locust" / "bin" / "locust"
MODEL: Final = "claude-sonnet-5"
START_SECONDS: Final = 120.0


class NotAsked(Exception):
    """Locust could not be run, or did not come to an end; the message says why."""


def run(
    callers: Callers, *, url: str, key: str, fine: tuple[int, ...], folder: Path, name: str, during: Callable[[], None]
) -> list[Asked]:
    """Let them all ask, with `during` happening meanwhile; leaves `name`.html in the folder. Raises NotAsked.

    `fine`: statuses that are no failure in locust's report.
    """
    log, told = folder / f"{name}.callers.jsonl", folder / f"{name}.plan.json"
    plan = {**asdict(callers), "url": url, "key": key, "model": MODEL, "log": str(log), "fine": fine}
    told.touch(mode=0o600)
    told.write_text(json.dumps(plan))
    try:
        with (folder / f"{name}.locust.log").open("wb") as said:
            process = subprocess.Popen(
                _argv(callers, folder / f"{name}.html"),
                env=environment(LOAD_CALLERS=str(told)),
                cwd=ROOT,
                stdout=said,
                stderr=said,
                stdin=subprocess.DEVNULL,
            )
            _awaited(process, during, seconds=callers.seconds + START_SECONDS)
    finally:
        told.unlink()  # an access key stands in it
    return lines(log, Asked)


def _argv(callers: Callers, report: Path) -> list[str]:
    if not LOCUST.exists():
        raise NotAsked("locust is not installed; `make load` installs it")
    return [
        *(str(LOCUST), "-f", str(Path(__file__).with_name("locustfile.py")), "--headless", "--only-summary"),
        *("--users", str(callers.users), "--spawn-rate", str(callers.users), "--exit-code-on-error", "0"),
        *("--run-time", f"{callers.seconds + START_SECONDS / 2:.0f}s", "--stop-timeout", "5", "--html", str(report)),
    ]


def _awaited(process: "subprocess.Popen[bytes]", during: Callable[[], None], *, seconds: float) -> None:
    try:
        during()
        code = process.wait(timeout=seconds)
    except subprocess.TimeoutExpired:
        raise NotAsked(f"locust did not end within {seconds:.0f} s") from None
    except OSError as error:
        raise NotAsked(f"the double could not be directed: {error}") from None
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
    if code:
        raise NotAsked(f"locust ended with exit code {code}; its log says why")
