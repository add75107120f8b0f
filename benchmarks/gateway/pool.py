"""Runs as a process of its own with the product's environment: makes the pool that is measured, as real ones are made.

Prints JSON: the pool's id, the access key and the command with which `make run` starts a web process.
"""

import json
import os
from decimal import Decimal
from typing import Final

ACCOUNTS: Final = 10


def account_key(number: int) -> str:
    """A made-up key of the form that real ones have; all peers get the same."""
    return f"sk-ant-api03-bench-{number:02d}-{'x' * 80}"


def main() -> None:
    """Tables, a pool, its accounts with limits that are never reached, an access key."""
    os.environ["DJANGO_SETTINGS_MODULE"] = "nubabel.settings"
    import django  # this module is also imported where there is no environment for it

    django.setup()
    from django.core.management import call_command

    call_command("migrate", verbosity=0)
    pool, key = _pool_with_key()
    from nubabel.serve.services import web

    print(json.dumps({"pool": pool, "key": key, "argv": list(web().argv)}))


def _pool_with_key() -> tuple[str, str]:
    from django.conf import settings

    from accounts.access import issue_access_key
    from accounts.models import Pool
    from accounts.services import create_account

    pool = Pool.objects.create(name="bench", simulated=True)
    limits = {
        "limit_requests_minute": 1_000_000,
        "limit_tokens_day": 10_000_000_000,
        "limit_cost_day": Decimal(100_000),
        "max_concurrency": 1_000,
    }
    for number in range(ACCOUNTS):
        api_key = account_key(number)
        create_account(pool=pool, name=f"account-{number}", api_key=api_key, base_url=settings.SIMULATOR_URL, **limits)
    key, _ = issue_access_key(name="benchmark", scopes=["messages"], pool=pool)
    return str(pool.pk), key


if __name__ == "__main__":
    main()
