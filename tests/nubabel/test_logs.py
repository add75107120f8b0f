import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from accounts.redaction import redact
from gateway.log_lines import ACTIVITY, Line
from nubabel.logs import JsonFormatter, TextFormatter, log_the_uncaught, logging_config

SECRETS = [
    "sk-ant-api03-AbCdEf_0123456789-xyz",
    "sk-ant-oat01-AbCdEf0123456789",
    "sk-ant-admin01-AbCdEf0123456789",
    "nb_live_0123456789abcdefghijABCDEFGHIJ01234567",
    "xoxb-123456789012-abcdefGHIJKL",
    "xapp-1-A0123-456-abcdef",
]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_blanked_wherever_it_stands(secret: str) -> None:
    for text in (secret, f"key={secret}", f"{{'x-api-key': '{secret}'}}", f"Bearer {secret}, next"):
        assert secret[-8:] not in redact(text)


def test_a_webhook_keeps_its_host_only() -> None:
    assert redact("POST https://hooks.slack.com/services/T0/B0/xyz") == "POST https://hooks.slack.com/services/…"


def test_a_password_in_an_address_is_blanked() -> None:
    assert redact("postgresql://pool:hunter2@db/pool") == "postgresql://pool:…@db/pool"
    assert redact("redis://:hunter2@host:6379/0") == "redis://:…@host:6379/0"


def test_ordinary_text_is_left_alone() -> None:
    text = "account alpha answered 529 after 1.2 s, see https://status.example.com/a?b=c"
    assert redact(text) == text


def test_arguments_and_tracebacks_are_redacted() -> None:
    try:
        int(SECRETS[0])
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, __file__, 1, "bad key %s", (SECRETS[1],), sys.exc_info())
    for shown in (TextFormatter().format(record), JsonFormatter().format(record)):
        assert "AbCdEf" not in shown
        assert "Traceback" in shown


def a_record(message: str = "hello %s", *args: object, **more: Any) -> logging.LogRecord:
    return logging.makeLogRecord(
        {"name": "here", "levelname": "WARNING", "msg": message, "args": args, "created": 1_795_435_200.25, **more}
    )


def as_json(record: logging.LogRecord) -> dict[str, Any]:
    (line,) = JsonFormatter().format(record).splitlines()
    told: dict[str, Any] = json.loads(line)
    return told


def a_line(**changed: Any) -> Line:
    told = {"timestamp": "2026-11-23T12:00:00.250Z", "level": "info", "logger": "gateway.access", "message": "done"}
    asked = {"request_id": "a-1", "method": "POST", "path": "/v1/messages", "status": 200, "outcome": "completed"}
    who = {"pool": "default", "access_key": "ci", "session": "", "model": "m", "stream": False, "attempt": 1}
    return Line(**{**told, **asked, "duration_ms": 12, "wait_ms": 1, **who, **changed})


def test_a_record_is_one_object_with_time_level_logger_and_message() -> None:
    told = {"level": "warn", "logger": "here", "message": "hello you"}
    assert as_json(a_record("hello %s", "you")) == {"timestamp": "2026-11-23T12:00:00.250Z", **told}


def test_text_has_the_same_time() -> None:
    assert TextFormatter().format(a_record("hello")) == "2026-11-23T12:00:00.250Z WARNING here: hello"


def test_extras_become_fields() -> None:
    assert as_json(a_record("x", action="settle", tries=[1, {"of": None}]))["tries"] == [1, {"of": None}]


def test_what_json_has_no_word_for_is_told_as_text() -> None:
    assert as_json(a_record("x", where=sys))["where"] == str(sys)


@pytest.mark.parametrize("odd", [{(1, 2): 3}, "half a \ud800", 2**80])
def test_no_value_costs_the_line(odd: object) -> None:
    assert as_json(a_record("x", odd=odd))["message"] == "x"


def test_an_exception_is_told_in_fields() -> None:
    try:
        int("seven")
    except ValueError:
        told = as_json(a_record("failed", exc_info=sys.exc_info()))["exception"]
    assert (told["type"], told["message"]) == ("ValueError", "invalid literal for int() with base 10: 'seven'")
    assert told["stacktrace"].startswith("Traceback")


@pytest.fixture
def serving() -> Iterator[str]:
    token = ACTIVITY.set("activity-1")
    yield "activity-1"
    ACTIVITY.reset(token)


def test_lines_name_the_request_that_is_served(serving: str) -> None:
    assert as_json(a_record("x"))["request_id"] == serving


def test_outside_of_one_no_request_is_named() -> None:
    assert "request_id" not in as_json(a_record("x"))


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("hidden", ["{}", 'x-api-key": "{}', "a\nb {}", "{}\\"])
def test_no_secret_passes_as_json_and_the_line_stays_json(secret: str, hidden: str) -> None:
    text = hidden.replace("{}", secret)
    told = as_json(a_record("%s", text, extra_field=text, listed=[{"deep": text}]))
    assert secret[-8:] not in json.dumps(told)


def test_a_field_whose_name_says_that_it_is_a_secret_is_blanked() -> None:
    assert as_json(a_record("x", headers={"Authorization": "Bearer 0123456789abcdef"}))["headers"] == {
        "Authorization": "Bearer …"
    }


def test_a_password_is_blanked_and_what_stands_beside_it_stays() -> None:
    told = as_json(a_record("to redis://u:hunter2@h", mail="someone@example.com"))
    assert (told["message"], told["mail"]) == ("to redis://u:…@h", "someone@example.com")


def test_finished_requests_are_one_line_each() -> None:
    record = a_record("%d requests", 2, lines=[a_line(), a_line(request_id="a-2")])
    told = [json.loads(line) for line in JsonFormatter().format(record).splitlines()]
    assert [line["request_id"] for line in told] == ["a-1", "a-2"]
    assert "first_byte_ms" not in told[0]
    assert TextFormatter().format(record).splitlines() == ["2026-11-23T12:00:00.250Z INFO    gateway.access: done"] * 2


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("formatter", [JsonFormatter(), TextFormatter()])
def test_a_secret_in_a_session_s_name_is_blanked(secret: str, formatter: logging.Formatter) -> None:
    record = a_record("x", lines=[a_line(session=secret, message=secret), a_line(request_id="a-2")])
    shown = formatter.format(record)
    assert secret[-8:] not in shown
    assert len(shown.splitlines()) == 2


def test_the_access_log_can_be_switched_off() -> None:
    levels = [logging_config("INFO", access=wanted)["loggers"]["gateway.access"]["level"] for wanted in (True, False)]
    assert levels == ["INFO", "WARNING"]


def test_what_ends_the_process_is_logged(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    log_the_uncaught()
    sys.excepthook(ValueError, ValueError("no"), None)
    assert caplog.messages == ["the process ends: ValueError"]
