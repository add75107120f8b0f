"""What a caller does. Runs in locust's own environment, so it imports nothing of ours.

LOAD_CALLERS is the path of a JSON file: url, key, model, users, total, per_second, refusals, max_tokens, log. Each
request becomes a line of `log` (see benchmarks.load.seen.Asked).
"""

import json
import os
import time
from itertools import count
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event
from locust import FastHttpUser, events, task
from locust.exception import StopUser

PLAN: dict[str, Any] = json.loads(Path(os.environ["LOAD_CALLERS"]).read_text())
LOG = Path(PLAN["log"]).open("w", buffering=1)  # noqa: SIM115 - as long as the process
HEADERS = {
    "authorization": f"Bearer {PLAN['key']}",
    "anthropic-version": "2023-06-01",
    "content-type": "application/json",
    "connection": "close",  # uvicorn closes idle connections: asking on one in that instant would be an error of ours
}


class Turn:
    """Whose turn it is: numbers in order, each with the instant at which it is due."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self._begin = 0.0
        self.open = Event()

    def begin(self) -> None:
        """All callers are there."""
        self._begin = time.time()
        self.open.set()

    def next(self) -> int:
        """Wait for the next request to be due. Raises StopUser when all have been asked."""
        self.open.wait()
        number = next(self._numbers)
        if number > PLAN["total"]:
            raise StopUser
        if PLAN["per_second"]:
            gevent.sleep(max(0.0, self._begin + number / PLAN["per_second"] - time.time()))
        return number


TURN = Turn()


@events.spawning_complete.add_listener
def _all_there(**_: Any) -> None:  # noqa: ANN401
    TURN.begin()


@events.init.add_listener
def _quit_when_done(environment: Any, **_: Any) -> None:  # noqa: ANN401
    """A run is over when no caller has anything left to ask."""

    def watch() -> None:
        TURN.open.wait()
        while environment.runner.user_count:
            gevent.sleep(0.2)
        environment.runner.quit()

    gevent.spawn(watch)


class Caller(FastHttpUser):
    """Asks until there is nothing left to ask, or until it was refused often enough."""

    host = PLAN["url"]
    network_timeout = 90.0
    connection_timeout = 60.0
    max_retries = 0

    def on_start(self) -> None:
        """Nothing was refused yet."""
        self.refused = 0

    @task
    def ask(self) -> None:
        """One request."""
        number = TURN.next()
        began = time.time()
        with self.client.post(
            "/v1/messages", data=body(number), headers=HEADERS, catch_response=True, name="answered"
        ) as answer:
            line = asked(number, began, answer)
            answer.request_meta["name"] = f"answered {line['status']}"
            if line["status"] in PLAN["fine"]:
                answer.success()
        LOG.write(json.dumps(line) + "\n")
        self.refused += line["status"] == 429
        if PLAN["refusals"] and self.refused >= PLAN["refusals"]:
            raise StopUser


def body(number: int) -> bytes:
    """The number tells the double, too, which request it is."""
    content = f"Request {number}: say something."
    message = {"model": PLAN["model"], "max_tokens": PLAN["max_tokens"]}
    return json.dumps({**message, "messages": [{"role": "user", "content": content}]}).encode()


def asked(number: int, began: float, answer: Any) -> dict[str, Any]:  # noqa: ANN401
    """As it is written down."""
    headers = answer.headers or {}
    after = headers.get("retry-after")
    return {
        "number": number,
        "began": began,
        "ended": time.time(),
        "status": answer.status_code,
        "retry_after": None if after is None else int(after),
        "should_retry": headers.get("x-should-retry", ""),
        "activity": headers.get("nubabel-activity", ""),
        "attempts": int(headers.get("nubabel-attempts", 0)),
        "said": "" if answer.status_code == 200 else said(answer),
    }


def said(answer: Any) -> str:  # noqa: ANN401
    """The error's message, or what broke."""
    try:
        return str(json.loads(answer.text)["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return str(answer.error or answer.text)
