"""The first pool and account, real or simulated: made if they are missing, left alone if they are there."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.core.exceptions import ValidationError
from django.utils import timezone

from accounts.default_pool import DEFAULT_POOL
from accounts.errors import AccountsError
from accounts.models import ClaudeAccount, Pool
from accounts.services import create_account, update_account
from quota import checks
from quota.engine.errors import EngineError
from quota.engine.views import AccountState
from quota.errors import ChecksFailed, SetupFailed
from quota.publish import PoolImage, configure, read_pool
from quota.wiring import anthropic_api_key, anthropic_base_url, open_patient_engine, redis_url

DEFAULT_ACCOUNT: Final = "default-account"
DEMO_POOL: Final = "demo"
MONTHLY_REQUESTS: Final = 1_000_000
MONTHLY_TOKENS: Final = 5_000_000_000
_MONTH: Final = {"limit_requests_month": MONTHLY_REQUESTS, "limit_tokens_month": MONTHLY_TOKENS}
_DEMO_LIMITS: Final = {**_MONTH, "limit_requests_minute": 600, "limit_cost_day": Decimal(50)}
_STEPS: Final = ((1_000_000_000, "B"), (1_000_000, "M"), (1_000, "K"))


@dataclass(frozen=True, slots=True)
class Setup:
    """What `initialize` found or made."""

    pool: str
    account: str
    created: bool
    requests_month: int | None
    tokens_month: int | None
    breaker: str
    warnings: tuple[str, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """Give the four lines of a pool that is ready."""
        return (
            f"✓ Claude account created: {self.account}",
            f"✓ Capacity initialized: {_short(self.requests_month)} requests, {_short(self.tokens_month)} tokens",
            f"{'✓' if self.breaker == 'closed' else '!'} Circuit breaker: {self.breaker.upper()}",
            "✓ Redis connection: OK",
        )


def initialize() -> Setup:
    """Check everything, make the default pool and account, load them. Repeatable. Raises `ChecksFailed`."""
    warnings = inspect()
    if failed := checks.failures([checks.stored_keys]):
        raise ChecksFailed(failed)
    return _made(warnings)


def initialize_serving() -> Setup:
    """As `initialize`, but keys that cannot be opened are warnings: the site where they are entered again must run."""
    warnings = inspect()
    return _made([*warnings, *unreadable_keys()])


def inspect() -> list[str]:
    """Check what every pool needs, real or simulated; gives warnings. Raises `ChecksFailed`."""
    warnings: list[str] = []
    failed = checks.failures(
        [checks.encryption_key, checks.database, lambda: warnings.extend(checks.redis_server(redis_url()))]
    )
    if failed:
        raise ChecksFailed(failed)
    return warnings


def unreadable_keys() -> list[str]:
    """One warning if enabled accounts hold keys that this ENCRYPTION_KEY does not open."""
    return [f"{failure}; {failure.mend}" for failure in checks.failures([checks.stored_keys])]


def _made(warnings: list[str]) -> Setup:
    try:
        account, created = _default_account()
    except SetupFailed as failure:
        raise ChecksFailed([failure]) from None
    warnings = [*warnings, *_differing_key(account)]
    return Setup(
        pool=DEFAULT_POOL,
        account=account.name,
        created=created,
        requests_month=account.limit_requests_month,
        tokens_month=account.limit_tokens_month,
        breaker=_loaded(account).breaker.value,
        warnings=tuple(warnings),
    )


def make_demo_pool(*, base_url: str, keys: Mapping[str, str]) -> Pool:
    """Make the simulated pool of these accounts (name → key), or point the one there is at this simulator.

    Raises accounts' errors and Django's ValidationError. The engine hears of it with the commit, or by the worker.
    """
    pool, _ = Pool.objects.get_or_create(name=DEMO_POOL, defaults={"simulated": True})
    there = {account.name: account for account in pool.accounts.all()}
    for name, key in keys.items():
        if name not in there:
            create_account(pool=pool, name=name, api_key=key, base_url=base_url, **_DEMO_LIMITS)
        elif there[name].base_url != base_url or not _holds(there[name], key):
            update_account(there[name], api_key=key, base_url=base_url)
    return pool


def _default_account() -> tuple[ClaudeAccount, bool]:
    pool, _ = Pool.objects.get_or_create(name=DEFAULT_POOL)
    account = pool.accounts.filter(name=DEFAULT_ACCOUNT).first()
    if account is not None:
        return account, False
    key = anthropic_api_key()
    if not key:
        mend = "set ANTHROPIC_API_KEY to an API key of your organization, then run this again"
        raise SetupFailed("ANTHROPIC_API_KEY", "it is not set, so there is no account to create", mend)
    try:
        account = create_account(pool=pool, name=DEFAULT_ACCOUNT, api_key=key, base_url=anthropic_base_url(), **_MONTH)
    except AccountsError as error:
        mend = "set it to an API key of your organization (sk-ant-api…), then run this again"
        raise SetupFailed("ANTHROPIC_API_KEY", str(error), mend) from None
    except ValidationError as error:
        mend = "correct ANTHROPIC_BASE_URLS (https://host, nothing behind it), then run this again"
        raise SetupFailed("ANTHROPIC_BASE_URLS", " ".join(error.messages), mend) from None
    return account, True


def _differing_key(account: ClaudeAccount) -> list[str]:
    key = anthropic_api_key()
    if not key or not account.has_readable_key or _holds(account, key):
        return []
    return [f"{account.name} holds another key than ANTHROPIC_API_KEY and keeps it; change it in the admin site"]


def _holds(account: ClaudeAccount, key: str) -> bool:
    return account.has_readable_key and account.reveal_key().reveal() == key


def _loaded(account: ClaudeAccount) -> AccountState:
    image = read_pool(account.pool_id, today=timezone.now().date())
    try:
        return asyncio.run(_load(image, str(account.pk)))
    except EngineError as error:
        mend = "look at Redis; when it answers promptly, run this again"
        raise ChecksFailed([SetupFailed("Redis", f"the pool could not be loaded: {error}", mend)]) from None


async def _load(image: PoolImage, account: str) -> AccountState:
    engine = open_patient_engine()
    try:
        await configure(engine, image)
        return (await engine.snapshot(image.pool, accounts=[account])).accounts[account]
    finally:
        await engine.close()


def _short(amount: int | None) -> str:
    """Write 5_000_000_000 as 5B where that is exact."""
    if amount is None:
        return "unlimited"
    for size, letter in _STEPS:
        if amount >= size and amount % (size // 10) == 0:
            return f"{Decimal(amount) / size:f}{letter}".replace(".0", "")
    return f"{amount:,}"
