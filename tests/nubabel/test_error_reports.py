"""Error reports tell what went wrong and no secret, under DEBUG and without it."""

import sys
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.test import RequestFactory
from django.views.debug import get_exception_reporter_class

from accounts.models import ClaudeAccount, Pool
from gateway import upstream
from tests.canaries import Sweep, canary
from tests.rest import callers

KEY = canary("sk-ant-api03-", "key")
NOWHERE = "http://127.0.0.1:9"
both = pytest.mark.parametrize("debug", [True, False])


def reported(request: WSGIRequest | None, **held: Any) -> str:
    """What is said of a failure in a function that held these."""

    def fail(values: dict[str, Any], ordinary: str, **_: Any) -> None:
        raise RuntimeError(f"it failed with {KEY}")

    try:
        fail(held, ordinary="no harm in this", **held)
    except RuntimeError:
        reporter: Any = get_exception_reporter_class(request)  # type: ignore[arg-type] # Django takes None, too
        report = reporter(request, *sys.exc_info())
    return str(report.get_traceback_html() + report.get_traceback_text())


def leaks(text: str) -> list[tuple[str, str]]:
    sweep = Sweep({"key": KEY})
    sweep.look("report", text)
    return sweep.found


@both
@pytest.mark.parametrize(
    "value", [KEY, f"POST /v1/messages\r\nx-api-key: {KEY}\r\n".encode() * 9, {"x-api-key": KEY}, [[KEY]]], ids=str
)
def test_a_variable_that_shows_a_secret_is_hidden_and_others_are_not(settings: Any, debug: bool, value: Any) -> None:
    settings.DEBUG = debug
    report = reported(RequestFactory().get("/"), held=value)
    assert not leaks(report)
    assert "no harm in this" in report


@both
def test_a_secret_in_the_request_is_not_said_again(settings: Any, debug: bool) -> None:
    settings.DEBUG = debug
    request = RequestFactory().post(f"/?key={KEY}", {"new_key": KEY}, headers={"x-api-key": KEY})
    assert not leaks(reported(request))


def test_a_value_that_cannot_be_shown_breaks_no_report(settings: Any) -> None:
    class Broken:
        def __repr__(self) -> str:
            raise ValueError

    assert "a value that cannot be shown" in reported(None, held=Broken())


@both
@pytest.mark.django_db
def test_the_page_of_a_failure_with_the_key_in_hand_does_not_show_it(
    settings: Any, monkeypatch: pytest.MonkeyPatch, debug: bool
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("a mistake of ours")

    settings.DEBUG, settings.ALLOWED_BASE_URLS = debug, (NOWHERE,)
    monkeypatch.setattr(upstream.HttpUpstream, "_connected", broken)
    pool = Pool.objects.create(name="main", simulated=True)
    account = ClaudeAccount.objects.create(pool=pool, name="alpha", api_key=KEY, base_url=NOWHERE)
    root = callers.person("root", is_superuser=True)
    answer = root.post(f"/api/admin/accounts/{account.pk}/test/", Accept="application/json, text/html")
    assert answer.status_code == 500
    assert not leaks(answer.content.decode())
    assert ("a mistake of ours" in answer.content.decode()) is debug
