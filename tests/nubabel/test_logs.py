import logging
import sys

import pytest

from nubabel.logs import RedactingFormatter, redact

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
    shown = RedactingFormatter().format(record)
    assert "AbCdEf" not in shown
    assert "Traceback" in shown
