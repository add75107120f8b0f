"""What a production process refuses to start with, and how it is set when it does start."""

from typing import Any

import pytest

from nubabel.production import insecurities
from tests.nubabel.test_env import GOOD, PRODUCTION, complaints, load


def test_what_is_safe_starts() -> None:
    assert load(**PRODUCTION).production


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "true"),
        ("ENCRYPTION_KEY", "0f" * 32),
        ("ENCRYPTION_KEY_FALLBACKS", GOOD["ENCRYPTION_KEY"]),
        ("CSRF_TRUSTED_ORIGINS", "https://pool.example.com,http://pool.example.com"),
        ("REDIS_URL", "rediss://redis.example/0?ssl_cert_reqs=none"),
        ("REDIS_URL", "rediss://redis.example/0?ssl_check_hostname=False"),
        ("ALLOWED_HOSTS", "*"),
    ],
)
def test_what_is_not_is_refused_by_name(name: str, value: str) -> None:
    assert set(complaints(**PRODUCTION | {name: value})) == {name}


def test_in_development_the_same_is_nobodys_business() -> None:
    assert load(DEBUG="true", CSRF_TRUSTED_ORIGINS="http://pool.test").debug


def test_a_complaint_repeats_no_value() -> None:
    found = insecurities({"encryption_key": "ab" * 32, "redis_url": "rediss://:hunter2@x/?ssl_cert_reqs=none"})
    assert len(found) == 2
    assert "hunter2" not in str(found)
    assert "abab" not in str(found)


@pytest.mark.parametrize("values", [{}, {"encryption_key": "", "redis_url": "", "csrf_trusted_origins": ""}])
def test_what_is_missing_is_somebody_elses_complaint(values: dict[str, Any]) -> None:
    assert insecurities(values) == []
