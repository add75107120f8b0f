"""Whatever goes wrong under /api/, it is said in one shape."""

import pytest
from django.db import OperationalError

from accounts.models import ClaudeAccount
from tests.rest import callers

ACCOUNTS = "/api/admin/accounts/"


def check_shape(answer, status, code):
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/json"
    error = answer.json()["error"]
    assert set(answer.json()) == {"error"}
    assert set(error) == {"code", "message", "details"}
    assert error["code"] == code
    assert error["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "headers", "status", "code"),
    [
        ("GET", "/api/nothing", None, {}, 404, "not_found"),
        ("GET", "/api/nothing", None, {"Accept": "text/html"}, 404, "not_found"),
        ("GET", f"{ACCOUNTS}00000000-0000-4000-8000-000000000000/", None, {}, 404, "not_found"),
        ("PATCH", ACCOUNTS, {}, {}, 405, "method_not_allowed"),
        ("OPTIONS", ACCOUNTS, None, {}, 405, "method_not_allowed"),
        ("TRACE", ACCOUNTS, None, {}, 405, "method_not_allowed"),
        ("GET", ACCOUNTS, None, {"Accept": "application/xml"}, 406, "not_acceptable"),
        (
            "POST",
            ACCOUNTS,
            b"name=x",
            {"content-type": "application/x-www-form-urlencoded"},
            415,
            "unsupported_media_type",
        ),
        ("POST", ACCOUNTS, b"{", {}, 400, "invalid_json"),
        ("POST", ACCOUNTS, b'{"name": NaN}', {}, 400, "invalid_json"),
        ("POST", ACCOUNTS, b"\xff\xfe", {}, 400, "invalid_json"),
        ("POST", ACCOUNTS, b"[" * 100_000, {}, 400, "invalid_json"),
        ("POST", ACCOUNTS, b'{"name": "a", "name": "b"}', {}, 400, "invalid_json"),
        ("POST", ACCOUNTS, b"[1]", {}, 400, "invalid_request"),
        ("POST", ACCOUNTS, b"null", {}, 400, "invalid_request"),
        ("POST", ACCOUNTS, b"", {}, 400, "invalid_request"),
        ("GET", f"{ACCOUNTS}?search=%00", None, {}, 400, "invalid_request"),
        ("GET", f"{ACCOUNTS}?%00=1", None, {}, 400, "invalid_request"),
    ],
)
def test_every_error_has_one_shape(admin, method, path, body, headers, status, code):  # noqa: PLR0917 - a row's columns
    check_shape(admin.call(method, path, body, **headers), status, code)


def test_a_wrong_method_says_which_are_right(admin):
    assert admin.call("PATCH", ACCOUNTS, {})["Allow"] == "GET, HEAD, POST"


def test_somebody_unknown_is_told_how_to_present_themselves():
    answer = callers.nobody().get(ACCOUNTS)
    check_shape(answer, 401, "unauthenticated")
    assert answer["WWW-Authenticate"] == "Bearer"


def test_a_session_without_its_csrf_token_changes_nothing(admin, pool):
    admin.headers.clear()
    check_shape(admin.post(ACCOUNTS, {}), 403, "forbidden")


def test_what_cannot_be_a_fields_name_is_not_said_again(admin):
    answer = admin.post(ACCOUNTS, {"sk-ant-api03-secret": 1, "name": "x"})
    assert (answer.status_code, list(answer.json()["error"]["details"])) == (400, ["…"])


def test_a_broken_body_is_not_quoted(admin):
    assert "secret" not in admin.post(ACCOUNTS, b'{"api_key": "secret", ').content.decode()


def test_a_database_that_is_busy_is_worth_another_try(admin, alpha, monkeypatch):
    def busy(*_, **__):
        raise OperationalError("deadlock detected")

    monkeypatch.setattr(ClaudeAccount, "save", busy)
    answer = admin.patch(f"{ACCOUNTS}{alpha.pk}/", {"priority": 1}, If_Match="*")
    check_shape(answer, 503, "unavailable")
    assert answer["Retry-After"] == "1"


def test_what_nobody_foresaw_is_logged_and_told_to_nobody(admin, alpha, monkeypatch, caplog):
    def broken(*_, **__):
        raise RuntimeError("the inside of things")

    monkeypatch.setattr(ClaudeAccount, "save", broken)
    answer = admin.patch(f"{ACCOUNTS}{alpha.pk}/", {"priority": 1}, If_Match="*")
    check_shape(answer, 500, "internal_error")
    assert "inside of things" not in answer.content.decode()
    assert "inside of things" in caplog.text


def test_a_key_from_a_foreign_network_is_refused(alpha):
    caller = callers.key("admin-read", networks=["10.0.0.0/8"])
    check_shape(caller.get(ACCOUNTS), 403, "forbidden")
