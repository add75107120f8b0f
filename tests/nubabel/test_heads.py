"""A connection that never says what it wants is closed."""

from types import SimpleNamespace
from typing import Any

import pytest

from nubabel.web.heads import Heads


class Transport:
    closed = False

    def close(self) -> None:
        self.closed = True


class Connection:
    """As uvicorn's, of which a cycle is a request being answered."""

    def __init__(self, cycle: Any = None) -> None:
        self.cycle = cycle
        self.transport: Any = Transport()


def under_way() -> SimpleNamespace:
    return SimpleNamespace(response_complete=False)


@pytest.mark.parametrize("cycle", [None, SimpleNamespace(response_complete=True)])
def test_a_head_that_does_not_come_is_waited_for_only_so_long(cycle: Any) -> None:
    heads, connection = Heads(seconds=20), Connection(cycle)
    for now in (0.0, 10.0, 20.0):
        heads.look([connection], now=now)
        assert not connection.transport.closed
    heads.look([connection], now=20.1)
    assert connection.transport.closed


def test_a_request_being_answered_may_take_any_time() -> None:
    heads, connection = Heads(seconds=20), Connection(under_way())
    for now in (0.0, 1_000.0):
        heads.look([connection], now=now)
    assert not connection.transport.closed


def test_each_request_has_its_own_time() -> None:
    heads, connection = Heads(seconds=20), Connection()
    heads.look([connection], now=0.0)
    connection.cycle = under_way()
    heads.look([connection], now=15.0)
    connection.cycle.response_complete = True
    heads.look([connection], now=16.0)
    heads.look([connection], now=30.0)
    assert not connection.transport.closed


def test_a_websocket_is_left_alone() -> None:
    heads, socket = Heads(seconds=20), Connection()
    del socket.cycle
    heads.look([socket], now=0.0)
    heads.look([socket], now=99.0)
    assert not socket.transport.closed
