"""The journal: every answered request is a line, with what was billed."""

import io
import json
from typing import Any

import pytest

from simulator.journal import Journal
from simulator.world import World
from tests.simulator.conftest import Connect

REQUEST: dict[str, Any] = {
    "model": "claude-sonnet-5",
    "max_tokens": 50,
    "messages": [{"role": "user", "content": "Hi"}],
}


@pytest.fixture
def written(world: World) -> io.StringIO:
    file = io.StringIO()
    world.journal = Journal(file)
    return file


async def test_a_served_request_is_written_with_what_was_billed(
    world: World, connect: Connect, written: io.StringIO
) -> None:
    await connect("alpha").messages.create(**REQUEST)
    line = json.loads(written.getvalue())
    account = world.accounts["alpha"]
    assert (line["account"], line["status"], line["fault"]) == ("alpha", 200, None)
    assert (line["tokens"], line["cost_nano"]) == (account.tokens, account.cost)


async def test_a_request_that_met_a_fault_is_written_and_costs_nothing(
    world: World, connect: Connect, written: io.StringIO
) -> None:
    world.fault("internal", account="beta")
    with pytest.raises(Exception, match="Internal"):
        await connect("beta").messages.create(**REQUEST)
    line = json.loads(written.getvalue())
    assert (line["account"], line["status"], line["fault"], line["tokens"]) == ("beta", 500, "internal", 0)


async def test_it_holds_the_body_and_no_key(world: World, connect: Connect, written: io.StringIO) -> None:
    await connect("alpha").messages.create(**REQUEST)
    assert json.loads(json.loads(written.getvalue())["body"])["messages"] == REQUEST["messages"]
    assert world.accounts["alpha"].key not in written.getvalue()


async def test_nothing_is_written_unless_it_is_asked_for(world: World, connect: Connect) -> None:
    await connect("alpha").messages.create(**REQUEST)
    assert world.journal is None
