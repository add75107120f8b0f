"""The official TypeScript SDK works against the gateway as the Python one does, over accounts that fail."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.journeys.pool import world_of
from tests.journeys.served import KEY, served
from tests.journeys.test_the_sdk_over_the_pool import MODEL, troubled_world

HERE = Path(__file__).parent
pytestmark = pytest.mark.typescript


async def journey(url: str) -> Any:
    node = shutil.which("node")
    assert node, "Node.js is needed: run `make test-typescript`, which says what to install"
    process = await asyncio.create_subprocess_exec(
        node, str(HERE / "journey.mjs"), url, KEY, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), timeout=60)
    assert process.returncode == 0, err.decode()
    return json.loads(out)


async def test_the_typescript_sdk_never_notices_the_pool() -> None:
    world = troubled_world()
    world.batch_seconds = 0
    async with served(world) as there:
        saw = await journey(there.url)
    assert saw["whole"]
    assert saw["streamed"] is True
    assert saw["stopped"] in {"end_turn", "max_tokens"}
    assert saw["tool"] == "weather"
    assert saw["counted"] > 0
    assert MODEL in saw["models"]
    assert (saw["results"], saw["batchIsListed"], saw["fileWasRead"]) == (["one"], True, True)


async def test_the_typescript_sdk_raises_its_own_errors() -> None:
    world = world_of("alpha", "beta")
    world.batch_seconds = 0
    async with served(world) as there:
        saw = await journey(there.url)
    assert saw["stranger"] == "authentication"
    assert saw["nonsense"] == "status 404"
