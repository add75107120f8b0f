import socket
from pathlib import Path

import pytest

from nubabel.errors import ServeError
from nubabel.serve.places import browser_host, only_one, require_free


def test_a_taken_port_says_which_variable_to_change() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ServeError, match=f"Port {port} is taken.*PORT={port + 1}"):
            require_free("127.0.0.1", port, variable="PORT")


def test_a_free_port_is_fine() -> None:
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]
    require_free("127.0.0.1", port, variable="PORT")


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(ServeError, match="Set HOST"):
        require_free("192.0.2.1", 8000, variable="PORT")


def test_a_second_serve_on_the_same_data_is_refused(tmp_path: Path) -> None:
    with only_one(tmp_path), pytest.raises(ServeError, match="runs already here"), only_one(tmp_path):
        pass


def test_the_place_is_free_again_afterwards(tmp_path: Path) -> None:
    with only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass


@pytest.mark.parametrize(
    ("host", "shown"),
    [("127.0.0.1", "127.0.0.1"), ("0.0.0.0", "127.0.0.1"), ("::", "127.0.0.1"), ("::1", "[::1]"), ("pool", "pool")],
)
def test_the_printed_address_can_be_browsed_to(host: str, shown: str) -> None:
    assert browser_host(host) == shown
