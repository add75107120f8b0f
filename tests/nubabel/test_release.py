"""`manage.py release`: everything is prepared, twice is once, and what is wrong is said before anything serves."""

import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django.fixtures import Settings

from accounts.models import ClaudeAccount
from tests.accounts.cast import ALPHA_KEY

pytestmark = pytest.mark.django_db(transaction=True)


def released(**options: Any) -> list[str]:
    out = io.StringIO()
    call_command("release", stdout=out, **options)
    return [line for line in out.getvalue().splitlines() if not line.startswith("System check")]


def test_it_checks_migrates_and_makes_the_first_account(settings: Settings) -> None:
    settings.ANTHROPIC_API_KEY = ALPHA_KEY
    lines = released()
    assert lines[:3] == [
        "✓ settings: nothing to complain about",
        "✓ database: the schema is current",
        "✓ Claude account created: default-account",
    ]


def test_twice_is_once(settings: Settings) -> None:
    settings.ANTHROPIC_API_KEY = ALPHA_KEY
    assert released() == released()
    assert ClaudeAccount.objects.count() == 1


def test_without_a_key_it_says_where_accounts_come_from(settings: Settings) -> None:
    settings.ANTHROPIC_API_KEY = ""
    assert released()[-1] == "! accounts: none yet; add one in the admin site"


def test_it_can_leave_accounts_as_they_are(settings: Settings) -> None:
    settings.ANTHROPIC_API_KEY = ALPHA_KEY
    released(no_init=True)
    assert not ClaudeAccount.objects.exists()


def test_what_is_wrong_with_the_settings_ends_it(settings: Settings) -> None:
    settings.ENCRYPTION_KEY = "short"
    with pytest.raises(CommandError, match="ENCRYPTION_KEY"):
        released()


def test_a_redis_that_is_away_ends_it_with_what_to_do(settings: Settings) -> None:
    settings.ANTHROPIC_API_KEY = ALPHA_KEY
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    with pytest.raises(CommandError, match="→"):
        released()
