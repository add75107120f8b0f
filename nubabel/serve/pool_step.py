"""The pool that `serve` serves: the real default one, or three simulated accounts that say so everywhere."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from django.conf import settings
from django.core.exceptions import ValidationError

from accounts.default_pool import DEFAULT_POOL
from accounts.errors import AccountsError
from accounts.models import Pool
from nubabel.errors import ServeError
from quota.bootstrap import initialize_serving, inspect, make_demo_pool, unreadable_keys
from quota.errors import ChecksFailed


def _made_up_key(name: str) -> str:
    return f"sk-ant-api03-demo-{name}-{hashlib.sha512(name.encode()).hexdigest()}"[:108]


DEMO_KEYS: Final[Mapping[str, str]] = MappingProxyType(
    {name: _made_up_key(name) for name in ("alpha", "beta", "gamma")}
)
"""Made up, the same at every start, and good for nothing but the simulator on this machine."""


def pool() -> tuple[Pool, str]:
    """The pool to use and what to say about it. Raises ServeError."""
    try:
        return _demo() if settings.DEMO else _real()
    except ChecksFailed as failed:
        raise ServeError("\n".join(f"{one.check}: {one.why}\n  → {one.mend}" for one in failed.failures)) from None


def simulated_accounts() -> Path:
    """A file that tells the simulator which accounts there are."""
    path: Path = settings.DATA_DIR / "simulated-accounts.json"
    path.write_text(json.dumps([{"name": name, "key": key} for name, key in DEMO_KEYS.items()], indent=1))
    return path


def _demo() -> tuple[Pool, str]:
    warnings = inspect()
    try:
        made = make_demo_pool(base_url=settings.SIMULATOR_URL, keys=DEMO_KEYS)
    except (AccountsError, ValidationError) as error:
        raise ServeError(f"The demo pool could not be made: {error}") from None
    said = f"{made.name}: {len(DEMO_KEYS)} SIMULATED accounts ({', '.join(DEMO_KEYS)})"
    return made, said + _warned([*warnings, *unreadable_keys()])


def _real() -> tuple[Pool, str]:
    setup = initialize_serving()
    made = Pool.objects.get(name=DEFAULT_POOL)
    accounts = made.accounts.count()
    return made, f"{made.name}: {accounts} account{'' if accounts == 1 else 's'}" + _warned(setup.warnings)


def _warned(warnings: Iterable[str]) -> str:
    return "".join(f"\n    ! {warning}" for warning in warnings)
