"""The cast: the pool `main`, its accounts alpha and beta, and a few encryption keys."""

from collections.abc import Callable
from typing import Any

import pytest

from accounts.models import ClaudeAccount, Pool
from tests.accounts.cast import ALPHA_KEY, BETA_KEY


@pytest.fixture
def pool(db: None) -> Pool:
    return Pool.objects.create(name="main")


@pytest.fixture
def make_account(pool: Pool) -> Callable[..., ClaudeAccount]:
    def make(name: str = "alpha", api_key: str = ALPHA_KEY, **columns: Any) -> ClaudeAccount:
        return ClaudeAccount.objects.create(**{"pool": pool, "name": name, "api_key": api_key, **columns})

    return make


@pytest.fixture
def alpha(make_account: Callable[..., ClaudeAccount]) -> ClaudeAccount:
    return make_account()


@pytest.fixture
def beta(make_account: Callable[..., ClaudeAccount]) -> ClaudeAccount:
    return make_account("beta", BETA_KEY)


@pytest.fixture
def use_keys(settings: Any) -> Callable[..., None]:
    """Put these encryption keys in force."""

    def use(primary: str, *fallbacks: str) -> None:
        settings.ENCRYPTION_KEY = primary
        settings.ENCRYPTION_KEY_FALLBACKS = list(fallbacks)

    return use
