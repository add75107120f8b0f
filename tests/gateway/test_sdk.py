"""The pooled client is the SDK's own, made cheaply and late."""

import os
import subprocess
import sys

import pytest

import gateway
from gateway.errors import UnknownPool
from gateway.sdk import PLACEHOLDER_KEY
from tests.journeys.pool import pool_over, world_of
from tests.journeys.test_the_sdk_over_the_pool import HELLO, MODEL

SLOW_TO_IMPORT = ("anthropic", "httpx2", "aiohttp", "django")


def test_importing_the_gateway_imports_neither_the_sdk_nor_a_framework():
    program = f"import sys, gateway; print([m for m in {SLOW_TO_IMPORT!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=os.environ)
    assert done.stdout.strip() == "[]"


def test_starting_django_imports_no_sdk():
    program = "import sys, django; django.setup(); import gateway.urls; print('anthropic' in sys.modules)"
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "tests.settings"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip().splitlines()[-1] == "False"


async def test_the_sdk_does_not_retry_what_the_pool_has_tried():
    world = world_of("alpha")
    world.always(None, "internal")
    async with pool_over(world) as pool, pool.client() as claude:
        assert claude.max_retries == 0
        with pytest.raises(Exception, match="server error"):
            await claude.messages.create(model=MODEL, max_tokens=20, messages=HELLO)
        assert len(pool.runs) == 1


async def test_the_placeholder_never_leaves_and_the_environment_has_no_say(monkeypatch):
    monkeypatch.setenv("ANTHROPIC_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-api03-of-the-environment")
    async with pool_over(world_of("alpha")) as pool, pool.client() as claude:
        await claude.messages.create(model=MODEL, max_tokens=20, messages=HELLO)
        headers = {name.lower(): value for name, value in pool.world.exchanges[0].headers.items()}
    assert headers["authorization"] == f"Bearer {pool.world.accounts['alpha'].key}"
    assert PLACEHOLDER_KEY not in str(headers)
    assert "environment" not in str(headers)


async def test_the_callers_api_version_goes_through():
    async with pool_over(world_of("alpha")) as pool, pool.client() as claude:
        old = {"anthropic-version": "2023-06-01", "anthropic-beta": "something-2026"}
        await claude.messages.create(model=MODEL, max_tokens=20, messages=HELLO, extra_headers=old)
        headers = {name.lower(): value for name, value in pool.world.exchanges[0].headers.items()}
    assert (headers["anthropic-version"], headers["anthropic-beta"]) == ("2023-06-01", "something-2026")
    assert headers["x-api-key"] == pool.world.accounts["alpha"].key
    assert "authorization" not in headers


async def test_a_pool_nobody_has_shows_at_the_first_request():
    import anthropic

    async def nowhere():
        raise UnknownPool("nowhere")

    async with gateway.client(via=nowhere) as claude:
        with pytest.raises(anthropic.APIConnectionError) as caught:
            await claude.messages.create(model=MODEL, max_tokens=20, messages=HELLO)
        assert isinstance(caught.value.__cause__, UnknownPool)
