"""The simulator beside synchronous code."""

from typing import Any

import anthropic

from simulator.testing import threaded_simulator
from simulator.world import demo_world

REQUEST: Any = {"model": "claude-sonnet-5-5", "max_tokens": 50, "messages": [{"role": "user", "content": "hi"}]}


def test_a_synchronous_client_is_served_from_a_thread() -> None:
    with threaded_simulator() as sim, anthropic.Anthropic(api_key=sim.key("beta"), base_url=sim.url) as client:
        assert client.messages.create(**REQUEST).stop_reason == "end_turn"
        assert sim.world.accounts["beta"].requests == 1


def test_the_thread_is_gone_afterwards() -> None:
    world = demo_world()
    with threaded_simulator(world) as sim:
        url = sim.url
    with threaded_simulator(world) as again:
        assert again.url.startswith(url.rsplit(":", 1)[0])
