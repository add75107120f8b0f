"""Locust, in a process and an environment of its own (`make load` installs it), for one scenario."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.gateway.servers import ROOT, environment
from benchmarks.load.plan import WARM, Callers
from benchmarks.load.seen import FIRST_WARM, Asked, lines

LOCUST: Final = ROOT / ".bench" / "locust" / "bin" / "locust"
MODEL: Final = "claude-sonnet-5"
START_SECONDS: Final = 120.0


class NotAsked(Exception):
    """Locust could not be run, or did not come to an end; the message says why."""


def warm_up(url: str, key: str) -> list[Asked]:
    """A few requests at once, so that every process has seen the pool."""
    with ThreadPoolExecutor(WARM) as threads:
        return list(threads.map(partial(_ask, url, key), range(FIRST_WARM, FIRST_WARM + WARM)))


def _ask(url: str, key: str, number: int) -> Asked:
    content = [{"role": "user", "content": f"Request {number}: say something."}]
    body = json.dumps({"model": MODEL, "max_tokens": 32, "messages": content}).encode()
    headers = {"authorization": f"Bearer {key}", "anthropic-version": "2023-06-01", "content-type": "application/json"}
    request, began = urllib.request.Request(f"{url}/v1/messages", data=body, headers=headers), time.time()
    try:
        with urllib.request.urlopen(request, timeout=START_SECONDS) as answer:
            activity = answer.headers["nubabel-activity"]
            return Asked(number, began, time.time(), answer.status, activity=activity)
    except urllib.error.HTTPError as error:
        activity = error.headers.get("nubabel-activity", "")
        return Asked(number, began, time.time(), error.code, activity=activity, said=error.reason)
    except OSError as error:
        return Asked(number, began, time.time(), 0, said=str(error))


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
