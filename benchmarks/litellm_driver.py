"""Runs inside LiteLLM's own environment and measures its router. Knows nothing of the product; answers in JSON.

Argument: one JSON object, whose `what` is "select" (microseconds per choice) or "admit" (calls against a limit).
"""

import asyncio
import json
import os
import sys
import time
import warnings
from importlib import import_module
from typing import Any

import redis.asyncio

Given = dict[str, Any]
MESSAGES = [{"role": "user", "content": "hello"}]


def load() -> Any:  # noqa: ANN401 - a module our own environment has not got
    """LiteLLM, without its list of prices from the network."""
    os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"
    warnings.simplefilter("ignore")
    litellm: Any = import_module("litellm")
    litellm.suppress_debug_info = True
    return litellm


def router(given: Given, *, rpm: int, name: str = "account", answer_seconds: float = 0.0) -> Any:  # noqa: ANN401
    """A router over deployments of one model, each with its own limit, answered without a network."""
    params = {"model": "anthropic/claude-sonnet-4-5", "mock_response": "hello", "rpm": rpm}
    if answer_seconds:
        params["mock_delay"] = answer_seconds
    models = [
        {
            "model_name": "pool",
            "litellm_params": {**params, "api_key": f"sk-{number}"},
            "model_info": {"id": f"{name}-{number}"},
        }
        for number in range(given["accounts"])
    ]
    kind = load().Router
    return kind(model_list=models, routing_strategy=given["strategy"], redis_url=given["url"], num_retries=0)


async def select(given: Given) -> Given:
    """The first ten choices, in which caches fill, are left out."""
    chooser = router(given, rpm=1_000_000)
    choose = getattr(chooser, "select", None) or chooser.async_get_available_deployment
    took = []
    for _ in range(given["calls"] + 10):
        began = time.perf_counter_ns()
        await choose(model="pool", request_kwargs={}, messages=MESSAGES)
        took.append((time.perf_counter_ns() - began) / 1_000)
    return {"microseconds": took[10:]}


async def admit(given: Given) -> Given:
    """Calls all at once or at a pace: which deployment answered each admitted one, and when it was asked."""
    chooser = router(given, rpm=given["rpm"], name=given["meeting"], answer_seconds=given["hold"])
    await _all_here(given)
    await _within_one_minute(given["attempts"] / given["pace"] if given["pace"] else 5.0)
    began = time.monotonic()
    answers = await asyncio.gather(*(_attempt(chooser, given, number, began) for number in range(given["attempts"])))
    return {"admitted": [answer for answer in answers if answer]}


async def _attempt(chooser: Any, given: Given, number: int, began: float) -> tuple[str, float] | None:  # noqa: ANN401
    if given["pace"]:
        await asyncio.sleep(max(0.0, began + number / given["pace"] - time.monotonic()))
    asked = time.time()
    try:
        answer = await chooser.acompletion(model="pool", messages=MESSAGES)
    except Exception as error:
        if "RateLimit" in type(error).__name__:
            return None
        raise
    return answer._hidden_params["model_id"], asked  # noqa: SLF001 - where LiteLLM says who answered


async def _all_here(given: Given) -> None:
    """Start together with the other processes."""
    client = redis.asyncio.Redis.from_url(given["url"])
    await client.incr(given["meeting"])
    while int(await client.get(given["meeting"]) or 0) < given["processes"]:  # noqa: ASYNC110 - other processes
        await asyncio.sleep(0.01)
    await client.aclose()


async def _within_one_minute(seconds: float) -> None:
    """Its windows are calendar minutes: wait for the next if what is left of this one is too short."""
    left = 60 - time.time() % 60
    if left < seconds + 1:
        await asyncio.sleep(left + 0.1)


if __name__ == "__main__":
    asked = json.loads(sys.argv[1])
    print("RESULT " + json.dumps(asyncio.run({"select": select, "admit": admit}[asked["what"]](asked))), flush=True)
    os._exit(0)  # its background threads must not keep us
