"""The cast: two pools, Alpha and Beta in the first, Gamma in the other; and an administrator who calls."""

import pytest
from django.apps import apps

from accounts.models import ClaudeAccount, Pool
from accounts.role_groups import grant_roles
from tests.accounts.cast import ALPHA_KEY, BETA_KEY, GAMMA_KEY
from tests.rest import callers
from tests.rest.callers import Caller


@pytest.fixture(autouse=True)
def roles(db: None) -> None:
    """The groups of the migration; a test that commits empties their tables."""
    grant_roles(apps, None)


@pytest.fixture
def pool() -> Pool:
    return Pool.objects.create(name="main")


@pytest.fixture
def other_pool() -> Pool:
    return Pool.objects.create(name="other")


@pytest.fixture
def alpha(pool: Pool) -> ClaudeAccount:
    return ClaudeAccount.objects.create(pool=pool, name="alpha", api_key=ALPHA_KEY)


@pytest.fixture
def beta(pool: Pool) -> ClaudeAccount:
    return ClaudeAccount.objects.create(pool=pool, name="beta", api_key=BETA_KEY)


@pytest.fixture
def gamma(other_pool: Pool) -> ClaudeAccount:
    return ClaudeAccount.objects.create(pool=other_pool, name="gamma", api_key=GAMMA_KEY)


@pytest.fixture
def admin() -> Caller:
    return callers.person("ada", "admin")


@pytest.fixture
def viewer() -> Caller:
    return callers.person("vera", "viewer")


@pytest.fixture
def operator() -> Caller:
    return callers.person("olaf", "operator")
