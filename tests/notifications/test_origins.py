import pytest

from notifications.origins import acceptable

HERE = "pool.example:8000"


@pytest.mark.parametrize("origin", [f"http://{HERE}", f"https://{HERE}", "http://POOL.example:8000"])
def test_a_page_of_this_site_is_welcome(origin: str) -> None:
    assert acceptable(origin=origin, host=HERE, secure=False, trusted=())


@pytest.mark.parametrize(
    "origin",
    [
        "",
        "null",
        "pool.example:8000",
        "http://pool.example",
        "http://pool.example:8001",
        "http://evil.example:8000",
        "http://pool.example.evil.example:8000",
        f"file://{HERE}",
        f"http://user@{HERE}",
        f"http://{HERE}/path",
        "http://pool.example:port",
        "http://[::1",
    ],
)
def test_any_other_page_is_not(origin: str) -> None:
    assert not acceptable(origin=origin, host=HERE, secure=False, trusted=())


def test_a_default_port_need_not_be_said() -> None:
    assert acceptable(origin="https://pool.example", host="pool.example:443", secure=True, trusted=())


def test_a_plain_page_may_not_use_a_secure_socket() -> None:
    assert not acceptable(origin="http://pool.example", host="pool.example", secure=True, trusted=())


def test_a_trusted_origin_is_welcome_wherever_it_is() -> None:
    assert acceptable(origin="https://ops.example", host=HERE, secure=True, trusted=["https://ops.example"])


def test_without_a_host_nothing_matches() -> None:
    assert not acceptable(origin="http://", host="", secure=False, trusted=())
