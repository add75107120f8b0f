"""What passes in each direction, and what never does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.errors import UnusableRequest
from gateway.forwarding import joined, request_head, response_headers
from gateway.wire import Request

KEY = "sk-ant-api03-of-the-account"
NEW = ("anthropic-version", "2026-10-21")
OLD = ("anthropic-version", "2023-06-01")


def sent(*headers):
    """Give the headers as they go out."""
    head = request_head(Request("POST", "/v1/messages", headers, b"{}"), host="api.anthropic.com", secret=KEY)
    first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
    assert first == "POST /v1/messages HTTP/1.1"
    named = dict([line.partition(": ")[::2] for line in lines])
    assert len(named) == len(lines)
    return named


@pytest.mark.parametrize(
    "name",
    [
        "Authorization",
        "x-api-key",
        "Cookie",
        "Host",
        "Connection",
        "Transfer-Encoding",
        "Content-Length",
        "X-Forwarded-For",
        "anthropic-workspace-id",
        "Proxy-Authorization",
        "x-claude-code-session-id",
        "x-claude-code-agent-id",
        "cf-ray",
    ],
)
def test_a_header_of_the_clients_that_must_not_pass_does_not(name):
    assert "theirs" not in sent((name, "theirs")).values()


@pytest.mark.parametrize(
    "name", ["anthropic-version", "anthropic-beta", "anthropic-something-new", "content-type", "user-agent"]
)
def test_a_header_that_must_pass_does_unchanged(name):
    assert sent((name.title(), "their own, value"))[name] == "their own, value"


def test_the_key_goes_as_the_sdk_of_that_version_sends_it():
    assert sent(NEW)["authorization"] == f"Bearer {KEY}"
    assert "x-api-key" not in sent(NEW)
    assert sent(OLD)["x-api-key"] == KEY
    assert "authorization" not in sent(OLD)


def test_a_client_cannot_slip_in_a_second_credential():
    headers = sent(NEW, ("authorization", "Bearer theirs"), ("x-api-key", "theirs"), ("AUTHORIZATION", "Bearer two"))
    assert [value for name, value in headers.items() if name in {"authorization", "x-api-key"}] == [f"Bearer {KEY}"]


def test_answers_are_asked_for_uncompressed():
    assert sent(("Accept-Encoding", "gzip, br"))["accept-encoding"] == "identity"


@pytest.mark.parametrize("value", ["a\r\nx-evil: 1", "a\nb", "a\x00b", "snow\u2603man", "\x7f"])
def test_a_value_that_no_header_may_have_is_refused(value):
    with pytest.raises(UnusableRequest):
        sent(("anthropic-beta", value))


@pytest.mark.parametrize(
    "target", ["/v1/messages", "/v1/messages?beta=true", "/v1/models/claude-opus-5", "/v1/files/f_1/content"]
)
def test_an_api_path_is_joined_to_the_accounts_base_url(target):
    assert joined("https://api.anthropic.com/", target) == f"https://api.anthropic.com{target}"


@pytest.mark.parametrize(
    "target",
    [
        "",
        "/",
        "v1/messages",
        "//evil/v1/messages",
        "@evil/v1/messages",
        "/v1",
        "/v1/",
        "/v1//messages",
        "/v1/../admin",
        "/v1/./messages",
        "/v1/messages/..",
        "/v1/%2e%2E/admin",
        "/v1/a%2Fb",
        "/v1/a%5cb",
        "/v1/messages#x",
        "/v1/mess ages",
        "/v1/messages\r\nHost: evil",
        "/v1/messages?a=\n",
        "https://evil/v1/messages",
    ],
)
def test_anything_else_is_refused(target):
    with pytest.raises(UnusableRequest):
        joined("https://api.anthropic.com", target)


@given(st.text(max_size=40))
def test_no_target_leads_to_another_host(target):
    from urllib.parse import urlsplit

    try:
        url = joined("https://api.anthropic.com", target)
    except UnusableRequest:
        return
    assert urlsplit(url).netloc == "api.anthropic.com"


def test_the_caller_sees_anthropics_headers_and_no_others():
    received = {
        "content-type": "application/json",
        "request-id": "req_1",
        "anthropic-ratelimit-requests-remaining": "5",
        "retry-after": "3",
        "set-cookie": "session=1",
        "cf-ray": "x",
        "connection": "keep-alive",
        "transfer-encoding": "chunked",
        "content-length": "5",
        "server": "cloudflare",
    }
    assert [name for name, _ in response_headers(received)] == [
        "content-type",
        "request-id",
        "anthropic-ratelimit-requests-remaining",
        "retry-after",
    ]
